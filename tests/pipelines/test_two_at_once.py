"""Two processes that want the same days share the work: no device-day is asked for twice."""

import threading
from collections import Counter
from datetime import date

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.snapshot import SnapshotPlan
from pipelines.discovery import known_state_of
from pipelines.session_factory import open_session
from tests.support.owner import finished
from tests.support.settings import settings_of

pytestmark = pytest.mark.slow

COMMAND = ("backfill", "--start", "2025-06-01", "--end", "2025-06-10")


@pytest.mark.processes
def test_two_backfills_of_the_same_days_ask_for_each_device_day_once(simulate, own):
    sim = simulate(latency_s=0.05)
    owner = own(sim, GIVLAKE_CONNECTIONS="2")
    done = [finished(process) for process in [owner.start(*COMMAND), owner.start(*COMMAND)]]
    assert [one.status for one in done] == [0, 0], [one.output for one in done]
    asked = Counter(r.path for r in sim.requests if "data-points" in r.path)
    assert len(asked) == 30
    assert set(asked.values()) == {1}
    truth = sum(
        len({row["time"] for row in sim.truth(serial, date(2025, 6, day).isoformat())})
        for serial in sim.serials
        for day in range(1, 11)
    )
    assert len(owner.rows()) == truth
    assert owner.states()["complete"] == 30


@pytest.mark.new_folder
@pytest.mark.processes
def test_two_first_backfills_do_not_spoil_dagsters_state(simulate, own):
    """Once, two processes that made Dagster's SQLite files at one moment left them unusable."""
    sim = simulate()
    owner = own(sim)
    one_day = ("backfill", "--start", "2025-06-01", "--end", "2025-06-01")
    other_day = ("backfill", "--start", "2025-06-02", "--end", "2025-06-02")
    started = [owner.start(*one_day), owner.start(*other_day)]
    done = [finished(process) for process in started]
    assert [one.status for one in done] == [0, 0], [one.output for one in done]
    assert owner.givlake("backfill", "--start", "2025-06-03", "--end", "2025-06-03").status == 0


@pytest.mark.parametrize("other_goes_on", [False, True])
def test_a_first_list_of_devices_that_another_process_fetches_is_awaited(
    simulate, own, other_goes_on
):
    """It was taken for an empty list: the command fetched nothing and ended as incomplete."""
    sim = simulate(inverters=1)
    owner = own(sim)
    with open_session(settings_of(owner.settings)) as other:
        state = known_state_of(other, {})
        (request,) = COMMUNICATION_DEVICES.requests(state)
        (key,) = request.lease_keys
        lease = other.budget.lease(f"{COMMUNICATION_DEVICES.name}/{key}")
        assert lease is not None

        def finish():
            lease.release()
            if other_goes_on:
                ingest(other, COMMUNICATION_DEVICES, SnapshotPlan(COMMUNICATION_DEVICES, state))

        timer = threading.Timer(2.0, finish)
        timer.start()
        done = owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-01")
        timer.join()
    assert done.status == 0, done.output
    assert owner.states()["complete"] == 1
    lists = [request for request in sim.requests if request.path.endswith("communication-device")]
    assert len(lists) == 1
