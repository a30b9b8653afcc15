"""What the endpoints of later versions cost a home in a day, as docs/dagster.md says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework import Cadence
from assets.registry import snapshot_datasets
from assets.sites import DATASET as SITES
from tests.support import clock

DOCS = Path(__file__).parents[2] / "docs" / "dagster.md"
POLLS = 96
PER_DAY = {Cadence.EVERY_POLL: POLLS, Cadence.DAILY: 1, Cadence.WEEKLY: 1 / 7}
NAMES = {
    *("inverter_health", "site_readings", "site_energy_readings", "tariff_automation"),
    *("tariff_automation_settings", "tariff_scheduler_slots", "locks", "lock_settings"),
    "preset_profiles",
}
OURS = [dataset for dataset in snapshot_datasets() if dataset.name in NAMES]


@pytest.mark.slow
def test_a_home_with_an_inverter_and_a_site(home):
    assert {dataset.name for dataset in OURS} == NAMES
    at_home = home(inverters=1, commissioned=datetime.now(UTC).date() - timedelta(days=3))
    lists = (COMMUNICATION_DEVICES,)
    at_home.refresh(SITES)
    # Of the fourth day on, when all of the history is read.
    for days in range(4):
        per_day = {}
        with clock.at(datetime.now(UTC) + timedelta(days=days)) as moment:
            at_home.simulator.set_clock(moment)
            for dataset in OURS:
                assert at_home.refresh(dataset, lists=lists).failures == []
                per_day[dataset.name] = len(at_home.paths()) * PER_DAY[dataset.cadence]
    total = sum(per_day.values())
    of_sites = per_day["site_readings"] + per_day["site_energy_readings"]
    assert (total, of_sites) == (pytest.approx(199.57, abs=0.01), 2 * POLLS)
    said = DOCS.read_text().replace("\n", " ")
    assert f"makes {total:.1f} requests a day for all of it, {total - of_sites:.1f}" in said
