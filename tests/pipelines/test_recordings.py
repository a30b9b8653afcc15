"""Recorded days through the whole of givlake: over HTTP, archive, decoder, table and catalogue."""

import os
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.support.simulator_truth import assert_same, expected_rows

SAMPLES = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared")) / "samples"
# Requested date: rows with a time of their own, rows that a later one replaces.
DAYS = {date(2025, 6, 1): (1324, 2), date(2025, 6, 3): (578, 1)}


@pytest.mark.slow
def test_recorded_days_land_leaf_by_leaf_and_again_from_the_archive(simulate, own):
    if not all((SAMPLES / f"inverter_data_points_{day}.json").exists() for day in DAYS):
        pytest.skip("the recordings are not here")
    sim = simulate(inverters=1, recordings=SAMPLES)
    owner = own(sim)
    for day in DAYS:
        assert owner.givlake("backfill", "--start", day, "--end", day).status == 0

    truth = expected_rows(sim, sim.serials, DAYS)
    assert Counter(row["request_date"] for row in truth.values()) == {
        day: rows for day, (rows, _) in DAYS.items()
    }
    assert_same(owner.rows(), truth)
    set_aside = owner.sql("SELECT request_date, reason, row_index FROM quarantine ORDER BY ALL")
    assert {row["reason"] for row in set_aside} == {"duplicate_key"}
    assert Counter(row["request_date"] for row in set_aside) == {
        day: repeated for day, (_, repeated) in DAYS.items()
    }

    sim.stop()
    assert owner.givlake("rebuild").status == 0
    assert_same(owner.rows(), truth)
    assert owner.sql("SELECT request_date, reason, row_index FROM quarantine ORDER BY ALL") == (
        set_aside
    )
    sim.start()
