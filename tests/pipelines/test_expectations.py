"""Which days are expected: lost, it is made again, so that what is missing is never hidden."""

from datetime import timedelta

import pyarrow.parquet as pq


def empty(path):
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:100])


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
        assert owner.givlake("status").status == 1
        assert "restored from the device lists" in caplog.text
        assert pq.read_table(path).to_pylist() == before
        assert owner.states() == states
    assert len(sim.requests) == asked
