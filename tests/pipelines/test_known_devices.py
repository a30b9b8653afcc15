"""The devices that are known: what is kept of them within a process is never out of date."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.ev_chargers import set_first_day
from assets.framework.contract.devices import DeviceKind
from pipelines.known_devices import known_devices
from pipelines.open_folder import open_for_reading, open_lake
from tests.support.settings import settings_of

pytestmark = pytest.mark.slow


def test_devices_are_read_again_when_a_table_or_what_the_owner_named_has_changed(
    simulate, own, today
):
    sim = simulate(inverters=1, ev_chargers=1, ev_offline_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS="ev_chargers")
    settings = settings_of(owner.settings)
    with open_lake(settings) as lake:
        assert known_devices(lake)[DeviceKind.EV_CHARGER] == ()
        assert owner.givlake("backfill").status == 0
        (charger,) = known_devices(lake)[DeviceKind.EV_CHARGER]
        first_day = today - timedelta(days=500)
        assert charger.commissioned_at > datetime(*first_day.timetuple()[:3], tzinfo=UTC)
        set_first_day(lake, first_day)
        (charger,) = known_devices(lake)[DeviceKind.EV_CHARGER]
        assert charger.commissioned_at == datetime(*first_day.timetuple()[:3], tzinfo=UTC)
        with open_for_reading(settings) as reader:
            assert known_devices(reader) == known_devices(lake)
    with open_lake(settings_of({"GIVLAKE_DATA": str(owner.folder / "another")})) as lake:
        assert known_devices(lake)[DeviceKind.EV_CHARGER] == ()
