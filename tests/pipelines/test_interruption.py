"""Ctrl-C and kill -9 in the middle of a backfill: nothing that was archived is asked for again."""

import random
import signal
import time
from datetime import date

import dagster as dg
import pytest

from tests.support.owner import finished
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from tests.support.timeouts import TIMEOUT_S

pytestmark = pytest.mark.processes

DAYS = days_between(date(2025, 5, 30), date(2025, 6, 8))
COMMAND = ("backfill", "--start", DAYS[0], "--end", DAYS[-1])


def wait_for_data(sim, requests, process):
    """Wait until so many days have been answered."""
    end = time.monotonic() + TIMEOUT_S
    while sum("data-points" in r.path and r.complete for r in sim.requests) < requests:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.02)


def said(instance, run) -> str:
    (end,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    return end.message


@pytest.mark.slow
def test_ctrl_c_ends_a_backfill_of_two_months_and_the_next_one_goes_on(simulate, own):
    # Slow from the start: a busy machine may take seconds to look, and to deliver the signal.
    sim = simulate(latency_s=1.2)
    owner = own(sim, GIVLAKE_CONNECTIONS="3")
    process = owner.start(*COMMAND)
    wait_for_data(sim, 3, process)
    process.send_signal(signal.SIGINT)
    done = finished(process)
    assert done.status == 130
    assert "Interrupted. Run the same command to resume." in done.err
    assert "Traceback" not in done.output
    fetched = {r.path for r in sim.requests if "data-points" in r.path}
    assert all(r.complete and r.status == 200 for r in sim.requests)
    # Those on their way, and those begun before the signal was heard of.
    assert 3 <= len(fetched) < 30
    assert owner.states()["complete"] == len(fetched)
    # What has come in is in the table as well.
    of_rows = owner.sql("SELECT DISTINCT inverter_serial, request_date FROM inverter_data_points")
    assert len(of_rows) == len(fetched)

    sim.configure(latency_s=0.0)
    sim.clear_requests()
    assert owner.givlake(*COMMAND).status == 0
    rest = [r.path for r in sim.requests if "data-points" in r.path]
    assert len(rest) == 30 - len(fetched)
    assert not fetched & set(rest)
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
def test_backfills_that_are_killed_at_any_moment_end_up_complete(simulate, own):
    sim = simulate(latency_s=0.05)
    owner = own(sim, GIVLAKE_CONNECTIONS="3")
    chance = random.Random(5)
    for at_request in (0, 6, 15):
        process = owner.start(*COMMAND)
        wait_for_data(sim, at_request, process)
        time.sleep(chance.uniform(0.0, 0.5))
        process.kill()
        finished(process)
    sim.configure(latency_s=0.0)
    # What is wanted stands in the data folder: sync finishes what it was asked for.
    done = owner.givlake("sync")
    assert done.status == 0
    assert owner.givlake(*COMMAND).out.startswith("Nothing to fetch")
    # Nor does Dagster show the runs of the killed commands as in progress.
    with owner.dagster() as (_, instance):
        runs = instance.get_runs()
        killed = [run for run in runs if run.status is dg.DagsterRunStatus.FAILURE]
        assert all(run.status is dg.DagsterRunStatus.SUCCESS for run in runs if run not in killed)
        assert all("was killed" in said(instance, run) for run in killed)
        assert killed
    left = {path.name for path in (owner.data / "locks" / "runs").iterdir()}
    assert left == {"name", "name.lock"}
    rows = [row for row in owner.rows() if row["request_date"] in DAYS]
    assert_same(rows, expected_rows(sim, sim.serials, DAYS))
    (bad,) = owner.sql(
        "SELECT count(*) AS n FROM row_accounting WHERE rows_in"
        " <> new + identical + superseding + superseded + quarantined"
    )
    assert bad["n"] == 0
