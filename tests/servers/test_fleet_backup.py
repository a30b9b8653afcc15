"""Dagster's history of all accounts survives a dump and a restore of its database."""

import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tests.support.fleet_services import fleet_instance
from tests.support.postgres_server import PostgresServer


@pytest.mark.slow
def test_runs_are_there_after_a_dump_is_restored(
    postgres: PostgresServer, database: str, tmp_path: Path
) -> None:
    @dg.asset
    def anything() -> None: ...

    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(yaml.safe_dump(fleet_instance(database)))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run = dg.materialize([anything], instance=instance)
    dump = tmp_path / "dagster.dump"
    restored = postgres.create_database("restored")
    for words in (
        ["pg_dump", "--format=custom", f"--file={dump}", database],
        ["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}", str(dump)],
    ):
        subprocess.run([str(postgres.program(words[0])), *words[1:]], check=True)
    (home / "dagster.yaml").write_text(yaml.safe_dump(fleet_instance(restored)))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found = instance.get_run_by_id(run.run_id)
        assert found is not None
        assert found.status is dg.DagsterRunStatus.SUCCESS
        assert instance.get_latest_materialization_event(dg.AssetKey("anything")) is not None
        # It goes on: a sequence that was not restored would give a number twice.
        assert dg.materialize([anything], instance=instance).success
        assert instance.get_runs_count() == 2
