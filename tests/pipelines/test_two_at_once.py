"""Two processes that want the same days share the work: no device-day is asked for twice."""

from collections import Counter
from datetime import date

import pytest

from tests.support.owner import finished

pytestmark = pytest.mark.processes

COMMAND = ("backfill", "--start", "2025-06-01", "--end", "2025-06-10")


@pytest.mark.slow
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
@pytest.mark.slow
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
