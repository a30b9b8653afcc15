"""Migrations that are read once: Dagster's databases are the same as without."""

import os
import sqlite3
from contextlib import closing
from unittest.mock import patch

import dagster as dg

from pipelines.dagster_workarounds import migrations
from pipelines.instance import open_instance
from tests.support.settings import settings_of


@dg.op
def nothing() -> None:
    """Stand for any work."""


@dg.job
def idle() -> None:
    nothing()


def databases(folder):
    """Run a job in a new data folder; give the tables and revision of each database there."""
    settings = settings_of({"GIVLAKE_DATA": str(folder)})
    with patch.dict(os.environ), open_instance(settings) as instance:
        run_id = idle.execute_in_process(instance=instance).run_id
    found = {}
    for path in (folder / "dagster").rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            tables = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
            revision = connection.execute("SELECT version_num FROM alembic_version")
            name = path.name.replace(run_id, "run")
            found[name] = (tables.fetchall(), revision.fetchall())
    return found


def test_databases_are_as_dagster_makes_them_by_itself(tmp_path, monkeypatch):
    ours = databases(tmp_path / "ours")
    assert set(ours) == {"runs.db", "index.db", "run.db", "schedules.db"}
    assert all(len(revision) == 1 for _, revision in ours.values())
    monkeypatch.setattr(migrations, "_scripts", migrations._read)
    assert databases(tmp_path / "by itself") == ours
