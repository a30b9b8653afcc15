"""Which days are expected: lost, it is made again, so that what is missing is never hidden."""

from datetime import timedelta

import pyarrow.parquet as pq
import pytest


def empty(path):
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.slow
def test_lost_expectations_do_not_make_status_content(simulate, own, caplog, today):
    first = today - timedelta(days=500)
    sim = simulate(inverters=1, commissioned=first)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", first, "--end", first).status == 0
    path = owner.data / "expected_days.parquet"
    before, states = pq.read_table(path).to_pylist(), owner.states()
    assert states == {"complete": 1, "not_requested": 500 + 501}  # of two datasets
    asked = len(sim.requests)
    for harm in (empty, cut_short, type(path).unlink):
        harm(path)
        caplog.clear()
        status = owner.givlake("status")
        assert status.status == 1
        assert "1 device-day complete, 500 not requested" in status.out
        what = "empty" if harm is empty else "missing or damaged"
        assert status.err == f"{path.name} is {what}; repair with: givlake build\n"
        assert owner.givlake("build").status == 0
        assert "restored from the device lists" in caplog.text
        assert pq.read_table(path).to_pylist() == before
        assert owner.states() == states
    assert len(sim.requests) == asked
