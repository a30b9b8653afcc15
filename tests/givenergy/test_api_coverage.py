"""docs/api-coverage.md against the allow-list, the datasets and the requests of three versions."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from assets.registry import datasets
from givenergy.endpoints import ENDPOINTS

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_contract = pytest.mark.skipif(not CONTRACT.exists(), reason="the shared material is not here")
COVERAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"
OFFERED = Path(__file__).with_name("api_requests_1.53.txt")
# The client can request them, but no dataset does.
WITHOUT_TABLE = {"account_by_id", "ev_charger", "notification_send"}
# Reading is a request to the device: only if the owner wants it (GIVLAKE_READ_SETTINGS).
READS_BY_ASKING_THE_DEVICE = {"POST /inverter/{}/settings/{}/read", "POST /multi-control/read"}


class Row(NamedTuple):
    """A row of the document's table."""

    since: str
    tables: frozenset[str]


def shape(method, path):
    # Locks are requested of inverters alone.
    return method + " " + re.sub(r"\{\w*\}", "{}", path).replace("/lock/inverter/", "/lock/{}/")


def documented():
    found = re.findall(
        r"^\| `([A-Z]+) (/\S+)` \| (1\.\d\d) \| (.+) \|$", COVERAGE.read_text(), re.MULTILINE
    )
    rows = {}
    for method, path, since, what in found:
        tables = () if what.startswith("none: ") else re.findall(r"`([a-z_]+)`", what)
        assert tables or what.startswith("none: "), path
        rows[shape(method, path)] = Row(since, frozenset(tables))
    assert len(rows) == len(found)
    return rows


def offered():
    """Return whether each request of version 1.53 only reads."""
    lines = [line for line in OFFERED.read_text().splitlines() if not line.startswith("#")]
    return {line[2:]: line.startswith("R ") for line in lines}


def test_each_request_of_version_1_53_has_a_row():
    assert documented().keys() == offered().keys()
    assert len(offered()) == 73


@needs_contract
def test_the_rows_since_1_26_are_the_requests_of_its_document():
    requests = re.findall(
        r'^curl --request (\w+) \\\n(?:--get )?"https://api\.givenergy\.cloud/v1(/[^"?]*)',
        CONTRACT.read_text(),
        re.MULTILINE,
    )
    rows = [key for key, row in documented().items() if row.since == "1.26"]
    assert len(requests) == len(rows) == 39
    for method, path in requests:
        (found,) = (
            key for key in rows if re.fullmatch(key.replace("{}", "[^/]+"), f"{method} {path}")
        )
        rows.remove(found)
    assert rows == []


def test_the_allow_list_is_what_the_document_says():
    rows = documented()
    for endpoint in ENDPOINTS.values():
        row = rows[shape(endpoint.method, endpoint.path)]
        assert row.since == endpoint.since, endpoint.name
        assert bool(row.tables) == (endpoint.name not in WITHOUT_TABLE), endpoint.name
    allowed = {shape(each.method, each.path) for each in ENDPOINTS.values()}
    assert {key for key, row in rows.items() if row.tables} <= allowed


def test_a_row_names_the_tables_that_the_datasets_fill():
    rows = documented()
    for dataset in datasets():
        tables = {table.name for table in dataset.output_tables}
        assert tables <= rows[shape(dataset.endpoint.method, dataset.endpoint.path)].tables
    filled = {table.name for dataset in datasets() for table in dataset.output_tables}
    assert {name for row in documented().values() for name in row.tables} == filled


def test_only_what_reads_fills_tables():
    reads = offered()
    filling = {key for key, row in documented().items() if row.tables}
    assert {key for key in filling if not reads[key]} == READS_BY_ASKING_THE_DEVICE
