"""Dagster's state in PostgreSQL: commands, two machines, and what `forget` leaves."""

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from pipelines.cli.killed_runs import tagged_runs
from pipelines.settings import load_settings
from tests.support import clock
from tests.support.dagster_page import page
from tests.support.postgres_home import (
    DAY,
    PASSWORD,
    execute,
    owner_with,
    query,
    tables_with,
)
from tests.support.postgres_server import PostgresServer
from tests.support.timeouts import TIMEOUT_S

pytestmark = pytest.mark.slow
PERIOD = ("--start", "2025-03-01", "--end", "2025-03-09")


@pytest.fixture
def machine_clock() -> Iterator[None]:
    """Run a test at the machine's time: gRPC, by which Dagster's processes talk, goes by that."""
    with clock.at(None):
        yield


def statuses(database: str) -> list[str]:
    return [status for (status,) in query(database, "SELECT status FROM runs ORDER BY id")]


def test_a_device_leaves_the_database_too(simulate, tmp_path, postgres, database):
    sim = simulate(inverters=2)
    gone, kept = sim.serials
    owner = owner_with(tmp_path, sim, database)
    for serial in (gone, kept):
        assert owner.givlake("backfill", *DAY, "--device", serial).status == 0
    assert owner.givlake("sync").status == 0
    with owner.dagster() as (_, instance):
        instance.run_storage.set_cursor_values({f"cursor of {gone}": f'["{gone}", "{kept}"]'})
    rows = dict(query(database, "SELECT 'events', count(*) FROM event_logs"))
    assert {"event_logs", "runs", "kvs"} <= tables_with(database, gone)
    postgres.kill()
    away = owner.givlake("forget", "--device", gone, "--yes")
    assert away.status == 1
    assert "not yet from Dagster's database" in away.err
    assert f"port {postgres.port}" in away.err
    postgres.start()
    assert tables_with(database, gone) != set()
    done = owner.givlake("forget", "--device", gone, "--yes")
    assert done.status == 0, done.output
    assert tables_with(database, gone) == set()
    assert {"event_logs", "runs", "kvs"} <= tables_with(database, kept)
    assert dict(query(database, "SELECT 'events', count(*) FROM event_logs")) == rows
    # Dagster still reads what it has.
    with owner.dagster() as (_, instance):
        for record in instance.get_run_records():
            assert record.dagster_run.is_finished
            assert instance.all_logs(record.dagster_run.run_id)


def test_each_machine_looks_only_at_its_own_killed_runs(simulate, tmp_path, database):
    """The kind: a run of another machine or container is not taken for killed."""
    sims = [simulate(inverters=1), simulate(inverters=1)]
    owners = []
    for name, sim in zip(("north", "south"), sims, strict=True):
        (tmp_path / name).mkdir()
        owners.append(owner_with(tmp_path / name, sim, database))
    north, south = owners
    with north.dagster() as (_, instance), tagged_runs(instance, load_settings()) as tags:
        running = instance.create_run_for_job(job, tags=tags)
    # As after SIGKILL: the lock is free, and the run is in progress.
    assert south.givlake("backfill", *DAY).status == 0
    assert statuses(database)[0] == "NOT_STARTED"
    assert north.givlake("backfill", *DAY).status == 0
    assert statuses(database)[0] == "FAILURE"
    assert running.run_id
    assert len(statuses(database)) == 3


@dg.job
def job() -> None:
    """Stand for any job."""


def test_away_is_one_sentence_with_host_and_port_and_without_the_password(
    simulate, tmp_path, postgres, database
):
    sim = simulate(inverters=1)
    owner = owner_with(tmp_path, sim, database)
    assert owner.givlake("backfill", *DAY).status == 0
    name = database.rpartition("/")[2]
    postgres.kill()
    try:
        for command in (("sync",), ("backfill", *PERIOD), ("ui",), ("doctor",)):
            done = owner.givlake(*command)
            assert done.status == 1, (command, done)
            said = done.err if command != ("doctor",) else done.out
            assert f"the PostgreSQL database {name} at 127.0.0.1, port {postgres.port}" in said
            assert "Connection refused" in said
            assert PASSWORD not in done.output
            assert "Traceback" not in done.output
            assert command == ("doctor",) or len(done.err.splitlines()) == 1, done.err
    finally:
        postgres.start()
    assert owner.givlake("sync").status == 0
    assert owner.givlake("doctor").status == 0


def at_each_day(database: str, statement: str) -> None:
    """Let the database do something whenever a day's materialization is to be stored."""
    execute(
        database,
        f"""
        CREATE FUNCTION at_each_day() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN {statement}; RETURN NEW; END $$;
        CREATE TRIGGER at_each_day BEFORE INSERT ON event_logs FOR EACH ROW
        WHEN (NEW.dagster_event_type = 'ASSET_MATERIALIZATION' AND NEW.partition IS NOT NULL)
        EXECUTE FUNCTION at_each_day();
        """,
    )


def wait_for(database: str, condition: str) -> None:
    """Wait until a query has a row."""
    end = time.monotonic() + TIMEOUT_S
    while not query(database, condition):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.processes
def test_a_restart_in_the_middle_of_a_backfill_is_survived(
    simulate, tmp_path, postgres: PostgresServer, database
):
    owner = owner_with(tmp_path, simulate(inverters=1), database)
    assert owner.givlake("backfill", *DAY).status == 0
    before = query(database, "SELECT count(*) FROM event_logs")[0][0]
    running = owner.start("backfill", *PERIOD)
    wait_for(database, f"SELECT 1 FROM event_logs HAVING count(*) >= {before + 3}")
    postgres.kill()
    postgres.start()
    out, err = running.communicate()
    text = (out + err).decode()
    assert "Traceback" not in text
    if running.returncode:
        # The connection was lost within a statement, which nobody can repeat.
        assert running.returncode == 1
        assert "Dagster's state in the PostgreSQL database" in text
    again = owner.givlake("backfill", *PERIOD)
    assert again.status == 0, again.output
    assert set(statuses(database)) <= {"SUCCESS", "FAILURE"}
    assert owner.givlake("check").status == 0


@pytest.mark.processes
def test_what_was_fetched_stays_when_the_database_is_lost(simulate, tmp_path, postgres, database):
    sim = simulate(inverters=1)
    owner = owner_with(tmp_path, sim, database)
    assert owner.givlake("backfill", *DAY).status == 0
    at_each_day(database, f"PERFORM pg_sleep({2 * TIMEOUT_S})")
    running = owner.start("backfill", *PERIOD)
    wait_for(database, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    postgres.kill()
    out, err = running.communicate()
    try:
        assert running.returncode == 1, (out, err)
        text = err.decode()
        assert "Traceback" not in text
        assert PASSWORD not in text
        assert f"at 127.0.0.1, port {postgres.port} cannot be used" in text.splitlines()[-1]
    finally:
        postgres.start()
    execute(database, "DROP TRIGGER at_each_day ON event_logs")
    again = owner.givlake("backfill", *PERIOD)
    assert again.status == 0, again.output
    assert "Nothing to fetch." in again.out
    # The next command that records a run reports the one that was lost.
    assert owner.givlake("sync").status == 0
    assert statuses(database)[:2] == ["SUCCESS", "FAILURE"]


@pytest.mark.processes
@pytest.mark.usefixtures("machine_clock")
def test_the_page_launches_a_run_that_the_database_has(simulate, tmp_path, database):
    owner = owner_with(tmp_path, simulate(inverters=1), database)
    assert owner.givlake("backfill", *DAY).status == 0
    with page(owner.folder, owner.environment) as dagster:
        assert dagster.run("poll") == "SUCCESS"
    stored = query(database, "SELECT pipeline_name, status FROM runs")
    assert ("poll", "SUCCESS") in stored
    assert not list((owner.data / "dagster").rglob("*.db"))


@pytest.mark.processes
def test_two_machines_record_their_runs_in_one_new_database(simulate, tmp_path, database):
    owners = []
    for name in ("north", "south"):
        folder = tmp_path / name
        folder.mkdir()
        owners.append(owner_with(folder, simulate(inverters=1), database))
    running = [owner.start("backfill", *DAY) for owner in owners]
    for owner, process in zip(owners, running, strict=True):
        out, err = process.communicate()
        assert process.returncode == 0, out + err
        serials = {row["inverter_serial"] for row in owner.sql("FROM inverter_data_points")}
        assert len(serials) == 1
    stored = query(database, "SELECT pipeline_name, status FROM runs")
    assert stored == [("ingest_inverter_data_points", "SUCCESS")] * 2
    (heads,) = query(database, "SELECT count(*) FROM alembic_version")
    assert heads == (1,)


def test_an_event_that_is_not_stored_fails_the_command_in_one_sentence(
    simulate, tmp_path, database
):
    owner = owner_with(tmp_path, simulate(inverters=1), database)
    assert owner.givlake("backfill", *DAY).status == 0
    at_each_day(database, "RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'")
    done = owner.givlake("backfill", *PERIOD)
    assert done.status == 1, done.output
    assert "(no space left)" in done.err.splitlines()[-1]
    assert "Traceback" not in done.output
    assert "reports" not in done.err
    execute(database, "DROP TRIGGER at_each_day ON event_logs")
    again = owner.givlake("backfill", *PERIOD)
    assert again.status == 0, again.output
    assert "Nothing to fetch." in again.out
