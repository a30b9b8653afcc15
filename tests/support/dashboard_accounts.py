"""Simulated accounts whose dashboards are looked at, at a moment of their own."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.flow_rows import flow_rows, sent_half_hours
from tests.support.made_once import copy_of
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between

# A Wednesday in summer. What has sent requests within some minutes counts as running.
INGESTED_AT, NOW = "2025-06-18T12:25+01:00", "2025-06-18T12:40+01:00"
TODAY, YESTERDAY = date(2025, 6, 18), date(2025, 6, 17)
DATASETS = (
    "communication_devices", "energy_flows", "inverter_data_points", "ev_chargers",
    "ev_charging_sessions", "ev_meter_readings", "inverter_events",
)  # fmt: skip
# The month with holes: nothing of one day, flows of no half hour of another, no noon of a third.
UNKNOWN, COUNTED, NOON_LOST = (date(2025, 5, day) for day in (10, 12, 20))
# A month of last year, and since a day of this one.
FIRST_DAY, LAST_YEAR_END = date(2024, 6, 1), date(2024, 6, 30)
THIS_YEAR = date(2025, 5, 6)
MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>Drive</b>"
TARIFF = """
name = "night"
currency = "{currency}"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{{ price = 27.00 }}, {{ price = 8.50, start = "00:30", end = "05:30" }}]
export = [{{ price = 15.00 }}]
"""


@contextmanager
def account(folder: Path, *commands: tuple[object, ...], **settings: Any) -> Iterator[Owner]:
    """Yield an owner whose folder has what some commands ingested; the clock is at `NOW` then.

    Args:
        folder: The owner's folder.
        commands: Commands that must succeed.
        settings: Of the simulator; `change` is a function that is called with it before commands.
    """
    change = settings.pop("change", None)
    defaults: dict[str, Any] = {
        "inverters": 1, "gateways": 0, "seed": 201, "rows_per_day": 96, "rate_limit": 100_000,
        "empty_day_rate": 0.0, "flow_gap_rate": 0.0, "ev_offline_rate": 0.0,
        "commissioned": FIRST_DAY,
    }  # fmt: skip
    with Simulator(SimulatorConfig(**defaults | settings)) as sim:
        kept = {"GIVLAKE_KEEP_PERSONAL": "ev_chargers:data[].alias"}
        chosen = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
        owner = Owner(folder, chosen | kept, token=sim.token)
        with clock.at(INGESTED_AT):
            if change is not None:
                change(sim)
            for arguments in commands:
                done = owner.givlake(*arguments)
                assert done.status == 0, done.output
        with clock.at(NOW):
            yield owner


def tariff(folder: Path, currency: str = "GBP") -> tuple[tuple[object, ...], ...]:
    """Return the commands that load and use a tariff with cheap nights."""
    file = folder / "night.toml"
    file.write_text(TARIFF.format(currency=currency))
    return ("tariffs", "load", file), ("tariffs", "use", "night", "--from", "2024-01-01")


@contextmanager
def house(factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """Yield the owner of a house with battery and car, a tariff, and a month with holes.

    Of last year there are the flows of a month; since `THIS_YEAR` everything is there.
    """
    settings = {
        "ev_chargers": 1, "ev_points_every_s": 900, "cheap_hours": "00:30-05:30",
        "change": _lose_half_hours,
    }  # fmt: skip

    def ingest(folder: Path) -> None:
        commands = (
            ("backfill", "--dataset", "energy_flows", "--start", FIRST_DAY, "--end", LAST_YEAR_END),
            ("backfill", "--start", THIS_YEAR, "--end", TODAY),
            *tariff(folder),
        )
        with account(folder, *commands, **settings):
            pass

    folder = factory.mktemp("owner")
    copy_of("dashboard_house", ingest, factory, folder)
    with account(folder, **settings) as owner:
        yield owner


@contextmanager
def without_battery(folder: Path) -> Iterator[Owner]:
    """Yield the owner of panels and nothing else, without a tariff, with two weeks of data."""
    first = TODAY - timedelta(days=14)
    commands = (("backfill", "--start", first, "--end", TODAY),)
    with account(folder, *commands, commissioned=first, change=_remove_battery) as owner:
        yield owner


@contextmanager
def hostile(folder: Path) -> Iterator[Owner]:
    """Yield the owner of devices whose names are markup, who pays in euros."""
    first = TODAY - timedelta(days=3)
    commands = (("backfill", "--start", first, "--end", TODAY), *tariff(folder, "EUR"))
    with account(
        folder, *commands, commissioned=first, ev_chargers=1, ev_points_every_s=900,
        change=_name_by_markup,
    ) as owner:  # fmt: skip
        yield owner


def _lose_half_hours(sim: Simulator) -> None:
    (serial,) = sim.serials
    rows = []
    days = (*days_between(FIRST_DAY, LAST_YEAR_END), *days_between(THIS_YEAR, YESTERDAY))
    for day in days:
        sent = sent_half_hours(sim, serial, day)
        by_label = flow_rows(day, sent.__getitem__)
        if day == NOON_LOST:
            by_label = [row for row in by_label if not row["start_time"].endswith(" 12:00")]
        rows += [] if day in (UNKNOWN, COUNTED) else by_label
    sim.set_listing("energy-flows", serial, rows)
    sim.set_rows(serial, UNKNOWN, [])


def _remove_battery(sim: Simulator) -> None:
    (serial,) = sim.serials
    number = str(sim.account["id"])
    (device,) = copy.deepcopy(sim.truth_of("communication-device", number))
    device["inverter"]["connections"]["batteries"] = []
    device["inverter"]["info"]["battery"] = None
    sim.set_listing("communication-device", number, [device])
    flows = []
    for day in days_between(TODAY - timedelta(days=14), TODAY):
        points = sim.truth(serial, day)
        for point in points:
            point["power"]["battery"] = {}
            point["today"]["battery"] = point["total"]["battery"] = {"charge": 0, "discharge": 0}
        sim.set_rows(serial, day, points)
        if day < TODAY:
            without = {
                at: _supplied_at_once(kwh) for at, kwh in sent_half_hours(sim, serial, day).items()
            }
            flows += flow_rows(day, without.__getitem__)
    sim.set_listing("energy-flows", serial, flows)


def _supplied_at_once(kwh: Mapping[str, float]) -> dict[str, float]:
    """Return the flows of a half hour in which no battery takes or gives anything."""
    return {
        "pv_to_home": kwh["pv_to_home"],
        "pv_to_grid": kwh["pv_to_grid"] + kwh["pv_to_battery"],
        "grid_to_home": kwh["grid_to_home"] + kwh["battery_to_home"],
    }


def _name_by_markup(sim: Simulator) -> None:
    number = str(sim.account["id"])
    (device,) = copy.deepcopy(sim.truth_of("communication-device", number))
    device["inverter"]["info"]["model"] = MARKUP
    sim.set_listing("communication-device", number, [device])
    (charger,) = sim.truth_of("ev-charger", number)
    sim.set_listing("ev-charger", number, [{**charger, "alias": MARKUP}])
    event = {"event": MARKUP, "start_time": f"{TODAY}T06:00:00Z", "end_time": None}
    sim.set_listing("events", sim.serials[0], [event])
