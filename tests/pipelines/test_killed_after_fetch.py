"""kill -9 between the archive and the tables, then the same command again."""

import json
import signal
import subprocess
import sys
from datetime import date, timedelta

import dagster as dg
import pytest

from tests.support.owner import Owner
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from tests.support.timeouts import TIMEOUT_S

pytestmark = pytest.mark.processes

KILLED = ("-m", "tests.support.killed")
POINTS = "inverter_data_points"
JUNE = date(2025, 6, 1), date(2025, 6, 2)


def kill_at(step: str, skip: int, owner: Owner, *arguments: object) -> None:
    """Run a command of the owner's that ends itself at a step."""
    command = [sys.executable, *KILLED, step, skip, "pipelines.cli", *arguments]
    done = subprocess.run(
        list(map(str, command)),
        cwd=owner.folder,
        env=owner.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def queried(owner, sql):
    """Query as `givlake query` does: with coverage as the archive has it."""
    done = owner.process("query", sql, "--format", "json")
    assert done.status == 0, done.err
    return json.loads(done.out)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["answers archived", "journal written"])
def test_the_same_command_builds_what_a_killed_one_has_archived(simulate, own, today, step):
    """It said that there was nothing to fetch, and left the tables short for good."""
    days = days_between(today - timedelta(days=7), today - timedelta(days=3))
    sim = simulate(inverters=2, commissioned=days[0])
    owner = own(sim)
    before, middle, after = days[:2], days[2], days[3:]
    for first, last in ((before[0], before[-1]), (after[0], after[-1])):
        assert owner.givlake("backfill", "--start", first, "--end", last).status == 0
    over_it = f"SELECT cause FROM gaps WHERE first_date < '{middle}' AND last_date > '{middle}'"
    # A gap is one of requested days.
    assert owner.sql(over_it) == []
    command = ("backfill", "--start", middle, "--end", middle)
    # What is archived and built first is the list of devices.
    kill_at(step, 1, owner, *command)
    sim.clear_requests()

    number = "2 archived responses"
    line = f"{number} ({POINTS} 2) are not in the tables yet; build with: givlake build"
    sql = "SELECT count(*) AS n FROM coverage WHERE state = 'not_built'"
    query = owner.givlake("query", sql, "--format", "csv")
    assert (query.status, line in query.err, query.out.split()) == (0, True, ["n", "2"])
    assert queried(owner, "SELECT count(*) AS n FROM pending_responses") == [{"n": 2}]
    status = owner.givlake("status")
    assert (status.status, line in status.out) == (1, True), status.output
    assert f"2 devices, {middle}, not built: archived, not built into the tables yet." in status.out
    assert "Fix: givlake build\n" in status.out
    (points,) = json.loads(owner.givlake("status", "--format", "json").out)[:1]
    assert points["pending_responses"] == points["days_by_state"]["not_built"] == 2
    assert line in owner.givlake("plan", "--start", middle, "--end", middle).out
    assert queried(owner, over_it) == []
    # Neither the day itself nor those beside it are compared with anything.
    compared = queried(owner, "SELECT DISTINCT day FROM reconcile_power ORDER BY day")
    assert [row["day"] for row in compared] == [str(days[0]), str(days[-1])]
    finding = f"pending {number} of {POINTS} are not in its tables yet: run givlake build"
    proof = owner.folder / "proof.json"
    exported = owner.givlake("export", "--to", owner.folder / "export")
    assert (exported.status, line in exported.err) == (1, True)
    verified = owner.givlake("verify", "--manifest", proof)
    assert (verified.status, finding in verified.out) == (1, True), verified.output
    assert json.loads(proof.read_text())["pending_responses"] == {POINTS: 2}
    checked = owner.givlake("check")
    assert (checked.status, finding.split(": run")[0] in checked.out) == (1, True)

    again = owner.givlake(*command)
    assert again.status == 0, again.output
    # All was decided when the journal was written: the next command that writes finishes it.
    built = "" if step == "journal written" else f"Building {number} ({POINTS} 2).\n"
    end = "Nothing to fetch" if step == "journal written" else "Fetched 0 rows; 1 request sent"
    assert again.out.startswith(f"{built}{end}"), again.out
    if built:
        with owner.dagster() as (_, instance):
            for key in (dg.AssetKey(POINTS), dg.AssetKey(["archive", POINTS])):
                assert str(middle) in instance.get_materialized_partitions(key)
    assert [request.path for request in sim.requests if "data-points" in request.path] == []
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))
    assert owner.sql(over_it) == []
    for proof in ("verify", "check"):
        done = owner.givlake(proof)
        assert (done.status, "not in its tables" in done.output) == (0, False), done.output


@pytest.mark.slow
@pytest.mark.parametrize(("step", "skip"), [("segment written", 1), ("requests decided", 2)])
def test_the_same_command_completes_what_a_killed_one_has_begun(simulate, own, today, step, skip):
    days = days_between(today - timedelta(days=5), today - timedelta(days=3))
    sim = simulate(inverters=2, commissioned=days[0])
    owner = own(sim)
    command = ("backfill", "--start", days[0], "--end", days[-1])
    kill_at(step, skip, owner, *command)
    again = owner.givlake(*command)
    assert again.status == 0, again.output
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))
    assert owner.sql("FROM pending_responses") == []
    verified = owner.givlake("verify")
    assert verified.status == 0, verified.output


@pytest.mark.slow
def test_what_a_killed_command_has_archived_of_a_list_is_built_by_any_command(simulate, own):
    """Chargers that were listed and not built had no days, and nobody asked for them for hours."""
    sim = simulate(inverters=1, ev_chargers=1, ev_points_every_s=43_200)
    names = "inverter_data_points,ev_chargers,ev_meter_readings"
    owner = own(sim, GIVLAKE_DATASETS=names)
    days = ("--start", "2025-06-01", "--end", "2025-06-02")
    kill_at("answers archived", 0, owner, "backfill", *days)
    line = "1 archived response (communication_devices 1) is not in the tables yet"
    assert line in owner.givlake("status").out
    kill_at("answers archived", 2, owner, "backfill", "--dataset", "ev_meter_readings", *days)
    assert "ev_chargers 1" in owner.givlake("query", "FROM ev_chargers").err
    done = owner.givlake("backfill", "--dataset", "inverter_data_points", *days)
    assert "Building 1 archived response (ev_chargers 1).\n" in done.out
    assert [row["charger_uuid"] for row in owner.sql("FROM ev_chargers")] == sim.charger_uuids
    assert owner.givlake("build").out == "All archived responses are in the tables.\n"


@pytest.mark.slow
def test_a_damaged_archive_file_that_nothing_has_read_yet_stops_no_command(simulate, own):
    """The count of what is pending read it before what mends it did, and ended every command."""
    sim = simulate(inverters=1)
    owner = own(sim)
    command = ("backfill", "--start", JUNE[0], "--end", JUNE[1])
    kill_at("answers archived", 1, owner, *command)
    newest = max((owner.data / "archive" / "segments").iterdir())
    newest.write_bytes(newest.read_bytes()[:-200])
    query = owner.givlake("query", "SELECT count(*) AS n FROM inverters_now", "--format", "csv")
    assert (query.status, query.out.split()) == (0, ["n", "1"]), query.output
    again = owner.givlake(*command)
    assert (again.status, "Traceback" in again.output) == (0, False), again.output
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days_between(*JUNE)))
