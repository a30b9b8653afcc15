"""The days on which clocks change, for devices of local days and of UTC days, in any session."""

from collections import defaultdict
from datetime import UTC, date

import pytest

from tests.support.simulator_truth import LONDON, assert_same, days_between, expected_rows

DAILY = """
SELECT
    inverter_serial,
    local_date,
    count(*) AS points,
    min(local_time) AS first,
    max(local_time) AS last,
    max(today_solar_kwh) AS solar_kwh,
    max(today_consumption_kwh) AS consumption_kwh
FROM inverter_data_points
GROUP BY ALL
ORDER BY ALL
"""


@pytest.mark.slow_but_first
@pytest.mark.parametrize(("changing", "hours"), [(date(2024, 3, 31), 23), (date(2024, 10, 27), 25)])
def test_rows_local_dates_and_daily_totals_of_a_clock_change(simulate, own, changing, hours):
    sim = simulate(inverters=2, gateways=1)
    owner = own(sim)
    home, gateway = sim.serials
    days = days_between(changing.replace(day=changing.day - 2), changing)
    assert owner.givlake("backfill", "--start", days[0], "--end", days[-1]).status == 0
    rows = owner.rows()
    assert_same(rows, expected_rows(sim, sim.serials, days))
    assert all(
        row["request_date"] == row["local_date"] for row in rows if row["inverter_serial"] == home
    )
    of_gateway = [row for row in rows if row["inverter_serial"] == gateway]
    assert all(row["request_date"] == row["time"].astimezone(UTC).date() for row in of_gateway)
    # Under summer time a UTC day ends in the next local one.
    assert any(row["request_date"] != row["local_date"] for row in of_gateway)

    of_days = defaultdict(list)
    for serial in sim.serials:
        for (inverter, time), row in expected_rows(sim, [serial], days).items():
            of_days[inverter, time.astimezone(LONDON).date()].append(row)
    by_hand = [
        {
            "inverter_serial": serial,
            "local_date": day,
            "points": len(points),
            "first": min(row["local_time"] for row in points),
            "last": max(row["local_time"] for row in points),
            "solar_kwh": max(row["today_solar_kwh"] for row in points),
            "consumption_kwh": max(row["today_consumption_kwh"] for row in points),
        }
        for (serial, day), points in sorted(of_days.items())
    ]
    for zone in ("UTC", "Europe/London", "America/New_York"):
        assert owner.sql(DAILY, zone) == by_hand, zone

    (span,) = owner.sql(
        f"""SELECT epoch(max(time) - min(time)) / 3600 AS hours FROM inverter_data_points
        WHERE inverter_serial = '{home}' AND local_date = '{changing}'"""
    )
    assert hours - 1 < span["hours"] <= hours
