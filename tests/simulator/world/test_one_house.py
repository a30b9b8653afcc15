"""Cars, batteries, panels and cheap hours of one house, and what is true about them."""

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator import Simulator, SimulatorConfig

LONDON = ZoneInfo("Europe/London")
COMMISSIONED = dt.date(2020, 1, 1)
NOW = dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)
CLOCK_CHANGES = (dt.date(2024, 3, 31), dt.date(2024, 10, 27))
DAY = dt.timedelta(days=1)
HALF_HOUR = dt.timedelta(minutes=30)
FLOWS = (
    "pv_to_home",
    "pv_to_battery",
    "pv_to_grid",
    "grid_to_home",
    "grid_to_battery",
    "battery_to_home",
    "battery_to_grid",
)


def house(**settings):
    given = {
        "inverters": 1,
        "ev_chargers": 1,
        "commissioned": COMMISSIONED,
        "clock": NOW,
        "empty_day_rate": 0.0,
        "flow_gap_rate": 0.0,
        "ev_offline_rate": 0.0,
    }
    return Simulator(SimulatorConfig(**{**given, **settings}))


def midnight(date):
    return dt.datetime(date.year, date.month, date.day, tzinfo=LONDON).astimezone(dt.UTC)


def half_hours(sim, date, days=1, serial=None):
    return list(sim.energies(serial or sim.serials[0], midnight(date), midnight(date + days * DAY)))


def shown_flows(sim, date, serial=None):
    rows = sim.truth_of(
        "energy-flows",
        serial or sim.serials[0],
        start_time=f"{date} 00:00",
        end_time=f"{date} 23:30",
        grouping=0,
    )
    return [[row["data"][str(code)] for code in range(7)] for row in rows]


def sessions(sim, first, last):
    return list(sim.charged(sim.charger_uuids[0], midnight(first), midnight(last)))


def car_kwh(sim, first, last):
    """Return kWh by half hour."""
    charged: dict[dt.datetime, float] = {}
    for session in sessions(sim, first - DAY, last):
        for start, kwh in session.half_hours:
            charged[start] = charged.get(start, 0.0) + kwh
    return charged


@pytest.mark.parametrize(
    ("date", "count"),
    [(dt.date(2024, 3, 31), 46), (dt.date(2024, 6, 15), 48), (dt.date(2024, 10, 27), 50)],
)
def test_true_energies_are_those_that_are_shown(date, count):
    sim = house()
    true = half_hours(sim, date)
    assert [half.start for half in true] == [midnight(date) + n * HALF_HOUR for n in range(count)]
    shown = np.array(shown_flows(sim, date))
    inside = np.array([[getattr(half, name) for name in FLOWS] for half in true])
    assert shown.shape == inside.shape
    assert np.abs(shown - inside).max() <= 0.0101
    assert np.abs(shown.sum(axis=0) - inside.sum(axis=0)).max() <= 0.0051
    assert (inside >= 0).all()


def test_true_energies_are_of_the_half_hours_that_begin_in_the_span():
    sim = house()
    start = dt.datetime(2024, 6, 15, 22, 30, tzinfo=dt.UTC)
    some = list(sim.energies(sim.serials[0], start, start + 2 * HALF_HOUR))
    assert [half.start for half in some] == [start, start + HALF_HOUR]
    assert list(sim.energies(sim.serials[0], start, start)) == []
    assert half_hours(sim, COMMISSIONED - DAY) == []
    with pytest.raises(KeyError):
        list(sim.energies("NOBODY", start, NOW))


@pytest.mark.parametrize("cheap_hours", [None, "23:30-05:30"])
@pytest.mark.parametrize("date", [dt.date(2024, 6, 15), *CLOCK_CHANGES])
def test_flows_balance_with_the_counters_of_the_day(cheap_hours, date):
    sim = house(cheap_hours=cheap_hours)
    halves = half_hours(sim, date)
    point = sim.truth(sim.serials[0], date)[-1]
    time = dt.datetime.fromisoformat(point["time"])
    today = point["today"]
    sums = {
        ("solar",): ("pv_to_home", "pv_to_battery", "pv_to_grid"),
        ("grid", "import"): ("grid_to_home", "grid_to_battery"),
        ("grid", "export"): ("pv_to_grid", "battery_to_grid"),
        ("battery", "charge"): ("pv_to_battery", "grid_to_battery"),
        ("battery", "discharge"): ("battery_to_home", "battery_to_grid"),
    }
    for path, names in sums.items():
        shown = today
        for part in path:
            shown = shown[part]
        whole = [sum(getattr(half, name) for name in names) for half in halves]
        over = [
            kwh for half, kwh in zip(halves, whole, strict=True) if half.start + HALF_HOUR <= time
        ]
        # Counters have tenths, cut off, and the last point is some minutes before midnight.
        assert sum(over) - 0.1 <= shown <= sum(whole) + 1e-6
    # The inverter's losses, 25 W and 3 % of what passes it, are used at home but not counted.
    home = [half.home for half in halves if half.start + HALF_HOUR <= time]
    passed = sum(
        half.pv_to_home + half.pv_to_battery + half.pv_to_grid
        + half.grid_to_battery + half.battery_to_home + half.battery_to_grid
        for half in halves
    )  # fmt: skip
    most = 0.025 * len(halves) / 2 + 0.03 * passed + 0.2
    assert sum(home) - most <= today["consumption"] <= sum(half.home for half in halves)
    # Counters start again at midnight.
    after_midnight = midnight(date) + 2 * HALF_HOUR
    first = next(
        row
        for row in sim.truth(sim.serials[0], date)
        if dt.datetime.fromisoformat(row["time"]) >= after_midnight
    )
    assert first["today"]["consumption"] < today["consumption"]
    assert first["today"]["solar"] == 0


def test_the_home_uses_what_its_car_charges():
    with_car, without = house(), house(ev_chargers=0)
    first, days = dt.date(2024, 3, 20), 30
    car = car_kwh(with_car, first, first + days * DAY)
    assert sum(car.values()) > 100
    for half, plain in zip(
        half_hours(with_car, first, days), half_hours(without, first, days), strict=True
    ):
        # Both have the inverter's losses, which are not the same.
        assert half.home >= car.get(half.start, 0.0)
        assert half.home - plain.home == pytest.approx(car.get(half.start, 0.0), abs=0.08)


def test_data_points_have_the_car_in_load_grid_and_counter():
    with_car, without, apart = house(), house(ev_chargers=0), house(ev_on_home_meter=False)
    session = max(sessions(with_car, dt.date(2024, 5, 1), dt.date(2024, 6, 1)), key=lambda s: s.kwh)
    date = session.started_at.astimezone(LONDON).date()

    def points(sim):
        return {row["time"]: row for row in sim.truth(sim.serials[0], date)}

    car, plain = points(with_car), points(without)
    assert car.keys() == plain.keys()
    assert points(apart) == plain
    used = [
        car[time]["power"]["consumption"]["power"] - plain[time]["power"]["consumption"]["power"]
        for time in car
        if session.started_at + HALF_HOUR
        <= dt.datetime.fromisoformat(time)
        < session.started_at + 3 * HALF_HOUR
    ]
    power_w = 1000 * max(kwh for _, kwh in session.half_hours) * 2
    assert used
    assert all(0.9 * power_w < watts < 1.1 * power_w for watts in used)
    last = max(car)
    grown = car[last]["today"]["consumption"] - plain[last]["today"]["consumption"]
    charged = sum(
        kwh
        for start, kwh in car_kwh(with_car, date, date + DAY).items()
        if midnight(date) <= start < dt.datetime.fromisoformat(last)
    )
    assert grown == pytest.approx(charged, abs=0.9)


def test_the_car_is_behind_the_first_gateway_or_the_first_inverter():
    sim = house(inverters=3)
    assert sim.home_serial(sim.charger_uuids[0]) == sim.serials[2]
    sim.add_device()
    assert sim.home_serial(sim.charger_uuids[0]) == "XA0000G002"
    plain = house(inverters=2)
    assert plain.home_serial(plain.charger_uuids[0]) == plain.serials[0]
    nobody = house(inverters=0)
    assert nobody.home_serial(nobody.charger_uuids[0]) is None
    apart = house(ev_on_home_meter=False)
    assert apart.home_serial(apart.charger_uuids[0]) is None
    (session, *_) = sessions(apart, dt.date(2024, 5, 1), dt.date(2024, 6, 1))
    assert (session.from_pv_kwh, session.from_grid_kwh, session.from_battery_kwh) == (None,) * 3


def test_other_inverters_are_as_without_a_car():
    with_car, without = house(inverters=3), house(inverters=3, ev_chargers=0)
    date = dt.date(2024, 5, 5)
    for serial in with_car.serials[:2]:
        assert with_car.truth(serial, date) == without.truth(serial, date)
        assert half_hours(with_car, date, 3, serial) == half_hours(without, date, 3, serial)


@pytest.mark.parametrize("cheap_hours", [None, "23:30-05:30"])
def test_the_register_is_the_energy_charged_at_every_time(cheap_hours):
    """Also over every midnight, and on the days of clock changes."""
    sim = house(cheap_hours=cheap_hours, ev_points_every_s=300)
    uuid = sim.charger_uuids[0]
    asked = {
        "start_time": "2024-10-20T00:00:00Z",
        "end_time": "2024-11-03T00:00:00Z",
        "measurands": [4, 13],
        "meter_ids": [0],
    }
    rows = sim.truth_of("ev-meter-data", uuid, **asked)
    points = []
    for row in rows:
        values = {m["measurand"]: m["value"] for m in row["measurements"]}
        time = dt.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=dt.UTC)
        points.append((time, values[4], values[13]))
    charging = 0
    for (before, register, power), (after, later, power_after) in pairwise(points):
        hours = (after - before).total_seconds() / 3600
        gained = later - register
        assert 0 <= gained <= 7_400 * hours + 1
        if power and power_after:
            assert gained == pytest.approx(hours * (power + power_after) / 2, rel=0.021, abs=1)
            charging += 1
    assert charging > 150
    # What sessions say is what the register has gained.
    total = sum(s.kwh for s in sessions(sim, dt.date(2024, 10, 1), dt.date(2025, 6, 1)))
    shown = [
        row
        for row in sim.truth_of(
            "charging-sessions",
            uuid,
            start_time="2024-09-30T23:00:00Z",
            end_time="2025-05-31T23:00:00Z",
        )
        if row["started_at"] < "2025-05-31T23:00:00Z"
    ]
    assert sum(r["meter_stop"] - r["meter_start"] for r in shown) == pytest.approx(total)
    assert shown[0]["meter_stop"] - shown[-1]["meter_start"] == pytest.approx(total)


def ev_meter(sim, charger, meter, measurand, date):
    rows = sim.truth_of(
        "ev-meter-data",
        sim.charger_uuids[charger],
        start_time=f"{midnight(date):%Y-%m-%dT%H:%M:%SZ}",
        end_time=f"{midnight(date + DAY):%Y-%m-%dT%H:%M:%SZ}",
        measurands=[measurand],
        meter_ids=[meter],
    )
    return [row["measurements"][0]["value"] for row in rows]


def test_the_chargers_other_meters_measure_the_home():
    sim = house(ev_chargers=2)
    for date in (dt.date(2024, 6, 15), *CLOCK_CHANGES):
        halves = half_hours(sim, date)
        hours = len(halves) / 2
        grid = sum(h.grid_to_home + h.grid_to_battery - h.pv_to_grid for h in halves)
        grid -= sum(h.battery_to_grid for h in halves)
        imported, exported = (ev_meter(sim, 0, 1, measurand, date) for measurand in (13, 12))
        shown = (np.mean(imported) - np.mean(exported)) * hours / 1000
        assert shown == pytest.approx(grid, abs=0.5)
        solar = sum(h.pv_to_home + h.pv_to_battery + h.pv_to_grid for h in halves)
        watts = ev_meter(sim, 1, 2, 13, date)
        assert np.mean(watts) * hours / 1000 == pytest.approx(solar, rel=0.02)


def test_ems_and_site_count_the_car():
    sim = house(ems=1)
    apart = house(ems=1, ev_on_home_meter=False)
    session = max(sessions(sim, dt.date(2024, 5, 1), dt.date(2024, 6, 1)), key=lambda s: s.kwh)
    start, power_kw = session.half_hours[1][0], 2 * session.half_hours[1][1]
    site = sim.truth_of("site", str(sim.account["id"]))[0]["id"]
    for simulator, kilowatts in ((sim, power_kw), (apart, 0)):
        simulator.set_clock(start + HALF_HOUR / 2)
        (reading,) = simulator.truth_of("ems-system-data", simulator.ems_serials[0])
        assert reading["car_power"] == pytest.approx(1000 * kilowatts, abs=4)
        assert reading["calculated_load_power"] >= reading["car_power"]
        (powers,) = simulator.truth_of("site-data", str(site))
        assert powers["ev"]["power"] == pytest.approx(1000 * kilowatts, abs=4)
        (energies,) = simulator.truth_of("site-energy-data", str(site))
        assert (energies["total"]["ev"] > 100) == bool(kilowatts)
        assert 0 <= energies["today"]["ev"] <= energies["total"]["ev"]


def test_the_sources_of_a_session_add_up_to_its_energy():
    sim = house()
    found = sessions(sim, dt.date(2024, 5, 1), dt.date(2024, 7, 1))
    assert len(found) > 20
    for session in found:
        assert sum(kwh for _, kwh in session.half_hours) == pytest.approx(session.kwh)
        sources = (session.from_pv_kwh, session.from_grid_kwh, session.from_battery_kwh)
        assert min(sources) >= 0
        assert sum(sources) == pytest.approx(session.kwh)
    assert sum(s.from_pv_kwh for s in found) > 5
    assert sum(s.from_grid_kwh for s in found) > 50
    assert sum(s.from_battery_kwh for s in found) > 20


def test_a_battery_fades_at_its_rate():
    sim, other = house(), house(battery_fade_per_year=0.05)
    for simulator, left in ((sim, 1 - 5 * 0.022), (other, 1 - 5 * 0.05)):
        new = simulator.battery_kwh(simulator.serials[0], midnight(COMMISSIONED))
        old = simulator.battery_kwh(
            simulator.serials[0], midnight(COMMISSIONED + dt.timedelta(days=1826))
        )
        assert old / new == pytest.approx(left, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("years", [0, 5])
def test_a_discharge_takes_the_energy_that_the_battery_has(years):
    sim = house(ev_chargers=0, battery_fade_per_year=0.05)
    ratios = []
    for number in range(60):
        date = COMMISSIONED + dt.timedelta(days=years * 365 + number)
        rows = sim.truth(sim.serials[0], date)
        full = max(
            (r for r in rows if r["power"]["battery"].get("percent") is not None),
            key=lambda r: (r["power"]["battery"]["percent"], r["time"]),
        )
        after = [r for r in rows if r["time"] > full["time"]]
        after = [
            r
            for r in after
            if r["today"]["battery"]["charge"] == full["today"]["battery"]["charge"]
        ]
        after = [r for r in after if r["power"]["battery"].get("percent") is not None]
        if not after:
            continue
        fallen = full["power"]["battery"]["percent"] - after[-1]["power"]["battery"]["percent"]
        if fallen >= 30:
            given = (
                after[-1]["today"]["battery"]["discharge"] - full["today"]["battery"]["discharge"]
            )
            ratios.append(100 * given / fallen)
    assert len(ratios) >= 3
    at = midnight(COMMISSIONED + dt.timedelta(days=years * 365 + 30))
    assert np.median(ratios) == pytest.approx(sim.battery_kwh(sim.serials[0], at), rel=0.03)


def test_listed_capacities_follow_the_plant_and_only_the_full_one_fades():
    sim = house(inverters=12, gateways=0)
    rows = sim.truth_of("communication-device", sim.account["id"] and str(sim.account["id"]))
    sizes = set()
    years = (NOW.date() - COMMISSIONED).days / 365.25
    for row in rows:
        inverter = row["inverter"]
        (battery,) = inverter["connections"]["batteries"]
        design = battery["capacity"]["design"]
        sizes.add(design)
        assert battery["nominal_voltage"] == 51.2
        assert inverter["info"]["battery"].get("nominal_capacity", design) == design
        new = sim.battery_kwh(inverter["serial"], midnight(COMMISSIONED))
        assert design * 51.2 / 1000 == pytest.approx(new)
        left = battery["capacity"]["full"] / design
        assert left == pytest.approx(1 - 0.022 * years, abs=0.0025)
    assert sizes <= {102, 160, 186, 264}
    assert len(sizes) >= 3


def test_panels_degrade_at_their_rate():
    aged, new = house(ev_chargers=0), house(ev_chargers=0, pv_degradation_per_year=0.0)

    def solar(sim, date):
        return sum(h.pv_to_home + h.pv_to_battery + h.pv_to_grid for h in half_hours(sim, date))

    for years in (1, 5):
        # In winter the inverter limits nothing.
        date = dt.date(COMMISSIONED.year + years, 1, 1)
        assert solar(aged, date) / solar(new, date) == pytest.approx(1 - 0.006 * years, abs=2e-4)
    assert solar(aged, COMMISSIONED) == solar(new, COMMISSIONED)


def wall_hour(moment):
    local = moment.astimezone(LONDON)
    return local.hour + local.minute / 60


@pytest.mark.parametrize(
    "cheap_hours", ["00:30-05:30", "23:30-05:30", "13:00-16:00", "22:00-00:00"]
)
def test_batteries_charge_from_the_grid_in_cheap_hours_only(cheap_hours):
    sim = house(cheap_hours=cheap_hours)
    start, end = (int(t[:2]) + int(t[3:]) / 60 for t in cheap_hours.split("-"))
    winter = [dt.date(2024, 1, 8) + n * DAY for n in range(7)]
    total_inside = total_outside = 0.0
    for date in (*winter, *CLOCK_CHANGES):
        halves = half_hours(sim, date)
        cheap = [h for h in halves if (wall_hour(h.start) - start) % 24 < (end - start) % 24]
        if date in CLOCK_CHANGES and 0 < start < 1:
            # An hour is missing in spring and comes twice in autumn.
            assert len(cheap) == (8 if date.month == 3 else 12)
        inside = sum(h.grid_to_battery for h in cheap)
        outside = sum(h.grid_to_battery for h in halves) - inside
        # In the afternoon there is sun.
        assert inside > (0.2 if start == 13 else 1.5), (date, inside)
        total_inside += inside
        total_outside += outside
    # What the next day's first charge lacks comes from the grid at any hour.
    assert total_outside < 0.12 * total_inside


@pytest.mark.slow
@pytest.mark.parametrize("cheap_hours", ["00:30-05:30", "23:30-05:30"])
def test_cars_prefer_cheap_hours(cheap_hours):
    sim = house(cheap_hours=cheap_hours)
    start, end = (int(t[:2]) + int(t[3:]) / 60 for t in cheap_hours.split("-"))
    car = car_kwh(sim, dt.date(2023, 3, 1), dt.date(2024, 11, 30))
    inside = {s: e for s, e in car.items() if (wall_hour(s) - start) % 24 < (end - start) % 24}
    assert 0.8 < sum(inside.values()) / sum(car.values()) < 1
    for date in (*CLOCK_CHANGES, dt.date(2023, 3, 26), dt.date(2023, 10, 29)):
        night = {
            s: e
            for s, e in car.items()
            if midnight(date) - 3 * HALF_HOUR <= s < midnight(date) + 16 * HALF_HOUR
        }
        assert night.keys() <= inside.keys()
    assert any(
        s.half_hours[0][0] - s.started_at > 4 * HALF_HOUR
        for s in sessions(sim, dt.date(2024, 3, 1), dt.date(2024, 4, 1))
    )


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("cheap_hours", [None, "00:30-05:30", "22:00-04:00", "06:00-18:00"])
def test_sessions_do_not_overlap_and_days_join(zone, cheap_hours):
    sim = house(timezone=zone, cheap_hours=cheap_hours)
    found = sessions(sim, dt.date(2022, 1, 1), dt.date(2024, 12, 31))
    assert all(a.stopped_at < b.started_at for a, b in pairwise(found))
    assert all(0 < s.kwh < 45 for s in found)
    for date in (dt.date(2024, 1, 10) + n * DAY for n in range(4)):
        percents = [
            row["power"]["battery"].get("percent") for row in sim.truth(sim.serials[0], date)
        ]
        known = [p for p in percents if p is not None]
        assert min(known) >= 0
        assert max(known) <= 100
        # A jump would show at midnight: nothing moves by this much between two points.
        following = [
            row["power"]["battery"].get("percent") for row in sim.truth(sim.serials[0], date + DAY)
        ]
        assert abs(following[0] - known[-1]) <= 12


def test_a_waiting_car_is_suspended_by_its_charger():
    sim = house(cheap_hours="00:30-05:30")
    waiting = next(
        s
        for s in sessions(sim, dt.date(2024, 3, 1), dt.date(2024, 4, 1))
        if s.half_hours[0][0] - s.started_at > 4 * HALF_HOUR
    )
    sim.set_clock(waiting.started_at + HALF_HOUR)
    (row,) = sim.truth_of("ev-charger", sim.charger_uuids[0])
    assert row["status"] == "SuspendedEVSE"
    sim.set_clock(waiting.half_hours[0][0] + dt.timedelta(minutes=1))
    (row,) = sim.truth_of("ev-charger", sim.charger_uuids[0])
    assert row["status"] == "Charging"


@pytest.mark.parametrize(
    "cheap_hours",
    [
        "",
        "00:30",
        "0:30-5:30",
        "00:10-05:30",
        "05:00-05:00",
        "20:00-23:00",
        "05:00-18:15",
        "24:00-05:00",
    ],
)
def test_wrong_cheap_hours_are_refused(cheap_hours):
    with pytest.raises(ValueError, match="cheap hours are"):
        SimulatorConfig(cheap_hours=cheap_hours)


@pytest.mark.parametrize("name", ["battery_fade_per_year", "pv_degradation_per_year"])
def test_wrong_rates_are_refused(name):
    with pytest.raises(ValueError, match=r"must be 0 to 0\.2"):
        SimulatorConfig(**{name: -0.1})


def test_an_inverter_without_a_battery_has_panels_only():
    sim = house(inverters=2, gateways=0, ev_chargers=0, without_battery=1)
    with_none, with_one = sim.truth_of("communication-device", str(sim.account["id"]))
    assert with_none["inverter"]["connections"]["batteries"] == []
    assert with_none["inverter"]["info"]["battery"] == {}
    assert len(with_one["inverter"]["connections"]["batteries"]) == 1
    date = dt.date(2024, 6, 15)
    flows = np.array(shown_flows(sim, date, with_none["inverter"]["serial"]))
    moved = dict(zip(FLOWS, flows.sum(axis=0), strict=True))
    assert all(abs(kwh) < 0.005 for name, kwh in moved.items() if "battery" in name)
    assert moved["pv_to_home"] > 1
    assert moved["grid_to_home"] > 1
    other = np.array(shown_flows(sim, date, with_one["inverter"]["serial"])).sum(axis=0)
    assert other[FLOWS.index("battery_to_home")] > 1
