"""The cookbook's SQL runs on its account and has the answers that the document shows."""

import ast
import importlib.util
import json
import subprocess
import sys

import duckdb
import pytest

from benchmarks.common import ROOT
from benchmarks.marts.account import cookbook_account
from benchmarks.marts.cookbook import COOKBOOK, answers
from benchmarks.marts.questions import BEFORE, QUESTIONS, answered

pytestmark = pytest.mark.slow
EXAMPLES = ROOT / "docs/examples"


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    with cookbook_account(tmp_path_factory.mktemp("cookbook") / "owner") as (sim, owner):
        yield sim, owner


def test_every_answer_of_the_cookbook_is_that_of_its_sql(account):
    _, owner = account
    found = list(answers(COOKBOOK.read_text(), owner.data))
    assert len(found) >= 25
    for sql, documented, answer in found:
        assert documented == answer, f"{sql}\n{answer}"
        assert answer.count("\n") > 2, f"no rows: {sql}"


def test_answers_of_marts_are_those_of_tables_and_of_the_simulation(account):
    sim, owner = account
    found = list(answered(sim, owner.data))
    for one in found:
        assert one.from_truth is None or one.from_truth <= 0.25, one
    # The mart takes days without flows from counters, and leaves the home's energy out.
    assert {one.question for one in found if one.difference > 0.01} == {
        "How does this month compare with the same month last year?"
    }


def test_every_query_over_tables_belongs_to_a_question():
    assert {name for name, _ in QUESTIONS.values()} == {path.stem for path in BEFORE.iterdir()}


@pytest.fixture
def connection(account):
    _, owner = account
    with duckdb.connect(str(owner.data / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def test_every_query_of_the_dashboard_for_grafana_has_rows(connection):
    dashboard = json.loads((EXAMPLES / "grafana/givlake.json").read_text())
    ((site,),) = connection.sql(dashboard["templating"]["list"][1]["query"]).fetchall()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            sql = target["rawSql"].replace("$site", site)
            # What the data source makes of its macro.
            for column in ("local_date", "start_at", "started_at", "time"):
                between = (
                    f"{column} >= '2025-04-01T00:00:00Z' AND {column} <= '2025-04-30T23:59:59Z'"
                )
                sql = sql.replace(f"$__timeFilter({column})", between)
            assert "$" not in sql
            assert connection.sql(sql).fetchall(), panel["title"]


def test_every_query_of_the_notebook_has_rows(connection):
    tree = ast.parse((EXAMPLES / "notebook.py").read_text())
    queries = [
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "connection.sql"
    ]
    assert len(queries) == 5
    for sql in queries:
        params = {"day": "2025-04-30"} if "$day" in sql else {}
        assert connection.execute(sql, params).fetchall(), sql


@pytest.mark.processes
@pytest.mark.skipif(not importlib.util.find_spec("marimo"), reason="needs the extra notebook")
def test_the_notebook_runs(account):
    _, owner = account
    command = [sys.executable, str(EXAMPLES / "notebook.py")]
    subprocess.run(command, env=owner.environment, cwd=owner.folder, check=True)
