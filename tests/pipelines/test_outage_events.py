"""An outage of the API is told in the run: since when, what is answered, when the next try is."""

import re
import time

import dagster as dg
import pytest

from tests.support.owner import finished
from tests.support.timeouts import TIMEOUT_S

pytestmark = [pytest.mark.processes, pytest.mark.slow]


def lines_until_outage(process) -> str:
    """Read what a command prints until it says that the API does not respond."""
    said, end = "", time.monotonic() + TIMEOUT_S
    while "has not responded since" not in said:
        assert time.monotonic() < end
        said += process.stderr.readline().decode()
    return said


def test_a_run_tells_of_an_outage_and_its_end(simulate, own):
    """For up to six hours a run that waited for the API said nothing."""
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_RETRY_S="75")
    assert owner.givlake("backfill", "--start", "2025-06-08", "--end", "2025-06-08").status == 0
    sim.fail("/data-points/", status=503)
    process = owner.start("backfill", "--start", "2025-05-30", "--end", "2025-06-07")
    said = lines_until_outage(process)
    sim.clear_failures()
    said += process.stderr.read().decode()
    done = finished(process)
    assert done.status == 0
    since = r"The API has not responded since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(.*503.*\)"
    begin = re.search(rf"{since}: requests wait until it does\. The next try is in \d+ s\.", said)
    assert begin, said
    assert re.search(r"The API responds again, after \d+ s\.", said)
    with owner.dagster() as (_, instance):
        run = instance.get_runs()[0]
        told = [e.user_message for e in instance.all_logs(run.run_id) if e.dagster_event is None]
        assert begin[0] in told
        materialized = instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        metadata = materialized[-1].asset_materialization.metadata
    outage_s = metadata["outages of the API, cumulative (s)"].value
    assert outage_s > 0
    # Waiting for the API is no waiting for the budget, which was never short.
    assert metadata["budget wait, cumulative (s)"].value < outage_s


def test_a_command_tells_of_an_outage_before_its_first_run(simulate, own):
    """The device lists were waited for without a word, as every run of a schedule did."""
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_RETRY_S="75")
    assert owner.givlake("backfill", "--start", "2025-06-08", "--end", "2025-06-08").status == 0
    sim.fail("/communication-device", status=503)
    process = owner.start("sync")
    said = lines_until_outage(process)
    assert "(HTTP 503: Service Unavailable): requests wait until it does." in said
    sim.clear_failures()
    said += process.stderr.read().decode()
    done = finished(process)
    assert done.status == 0
    assert "The API responds again, after" in said
