"""The configuration of a simulated account that has a device of every kind."""

from datetime import UTC, datetime, timedelta

from simulator import SimulatorConfig
from tests.support.clock import LONDON


def standing_now() -> datetime:
    """Return a present for a simulator that stands still, which the tests do not overtake."""
    now = datetime.now(UTC).replace(microsecond=0)
    ahead = now + timedelta(minutes=9)
    is_same_day = ahead.astimezone(LONDON).date() == now.astimezone(LONDON).date()
    return ahead if is_same_day and ahead.date() == now.date() else now


def every_device(now: datetime, days: int, **settings) -> SimulatorConfig:
    """Return three inverters, one a Gateway, two chargers, an EMS and two smart devices.

    Args:
        now: the present time.
        days: how long ago it was commissioned.
        **settings: others of `SimulatorConfig`.
    """
    return SimulatorConfig(
        inverters=3,
        gateways=1,
        ev_chargers=2,
        ems=1,
        smart_devices=2,
        seed=7,
        rate_limit=100_000,
        rows_per_day=60,
        ev_points_every_s=3600,
        smart_points_every_s=43_200,
        commissioned=now.astimezone(LONDON).date() - timedelta(days=days),
        page_size_caps={"ev-meter-data": 100},
        **settings,
    )
