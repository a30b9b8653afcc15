"""A simulated house whose days differ in what the API has of them, and what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.flow_rows import FLOWS, LONDON, flow_rows, half_hours, sent_half_hours
from tests.support.made_once import copy_of
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between, expected_rows

SPRING, AUTUMN = date(2024, 3, 31), date(2024, 10, 27)
# Flows of no half hour; none, and points until 22:00; none, and points until 01:00; nothing at all.
COUNTED, EVENING_LOST, NIGHT_ONLY, UNKNOWN = (date(2024, 6, day) for day in (11, 12, 13, 14))
# Flows of all half hours but that of noon.
NOON_LOST = date(2024, 6, 15)
RANGES = (
    (SPRING - timedelta(days=2), SPRING + timedelta(days=1)),
    (date(2024, 6, 9), date(2024, 6, 16)),
    (AUTUMN - timedelta(days=2), AUTUMN + timedelta(days=2)),
)
DAYS = [day for first, last in RANGES for day in days_between(first, last)]
CLOCK = datetime(2024, 11, 20, 12, tzinfo=UTC)
EVENTS = (
    ("Battery Temperature Too Low", "2024-06-10T10:00:00Z", "2024-06-10T09:00:00Z"),
    ("Grid Voltage Too High", "2024-10-29T18:00:00Z", None),
    ("PV Over Voltage", "2024-05-30T10:00:00Z", "2024-06-02T06:30:00Z"),
    ("PV Over Voltage", "2024-05-30T12:00:00Z", "2024-05-30T12:15:00Z"),
    ("Inverter Too Hot", "2024-03-31T22:30:00Z", "2024-03-31T23:30:00Z"),
)
DATASETS = (
    "communication_devices", "inverter_data_points", "energy_flows",
    "ev_charging_sessions", "ev_meter_readings", "inverter_events", "inverter_system_readings",
    "inverter_meter_readings",
)  # fmt: skip


@dataclass(frozen=True)
class House:
    """The house, its data folder, and what the API sends of it."""

    owner: Owner
    sim: Simulator
    flows: dict[datetime, dict[str, float]]
    points: list[dict[str, Any]]

    @property
    def serial(self) -> str:
        """The inverter's serial number."""
        return self.sim.serials[0]

    def day_points(self, day: date) -> list[dict[str, Any]]:
        """Return the points of a local day in the order of time."""
        return [point for point in self.points if point["local_date"] == day]

    def day_flows(self, day: date) -> dict[str, float] | None:
        """Return the sums of a local day's flows; None unless every half hour is there."""
        starts = half_hours(day)
        if any(start not in self.flows for start in starts):
            return None
        return {name: sum(self.flows[start][name] for start in starts) for name in FLOWS}


def config(**settings: Any) -> SimulatorConfig:
    """Return the settings of a simulator with an account's devices, past and without gaps."""
    defaults: dict[str, Any] = {
        "inverters": 1, "gateways": 0, "seed": 5, "rate_limit": 100_000, "empty_day_rate": 0.0,
        "flow_gap_rate": 0.0, "ev_offline_rate": 0.0, "commissioned": date(2024, 1, 1),
        "clock": CLOCK,
    }  # fmt: skip
    return SimulatorConfig(**defaults | settings)


def house_settings() -> SimulatorConfig:
    """Return the settings of the house's simulator."""
    return config(ev_chargers=1, ev_points_every_s=300, cheap_hours="23:30-05:30")


def fill(sim: Simulator, factory: pytest.TempPathFactory) -> House:
    """Change what the API has of the days, and give a house with a copy of them, ingested."""
    (serial,) = sim.serials
    flows: dict[datetime, dict[str, float]] = {}
    rows = []
    for day in DAYS:
        sent = sent_half_hours(sim, serial, day)
        if day not in (COUNTED, EVENING_LOST, NIGHT_ONLY, UNKNOWN):
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=LONDON).astimezone(UTC)
            lost = {noon} if day == NOON_LOST else set()
            flows |= {start: kwh for start, kwh in sent.items() if start not in lost}
            by_label = zip(flow_rows(day, sent.__getitem__), sent, strict=True)
            rows += [row for row, start in by_label if start not in lost]
    sim.set_listing("energy-flows", serial, rows)
    for day, hours in ((EVENING_LOST, 22), (NIGHT_ONLY, 1), (UNKNOWN, 0)):
        end = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(hours=hours)
        label = f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        kept = [row for row in sim.truth(serial, day) if row["time"] < label]
        sim.set_rows(serial, day, kept)
    names = ("event", "start_time", "end_time")
    events = [dict(zip(names, event, strict=True)) for event in EVENTS]
    sim.set_listing("events", serial, sorted(events, key=lambda row: row["start_time"])[::-1])
    points = expected_rows(sim, [serial], DAYS)
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
    owner = Owner(factory.mktemp("owner"), settings, token=sim.token)

    def ingest(folder: Path) -> None:
        first_owner = Owner(folder, settings, token=sim.token)
        for first, last in RANGES:
            done = first_owner.givlake("backfill", "--start", first, "--end", last)
            assert done.status == 0, done.output

    copy_of("mart_house", ingest, factory, owner.folder)
    return House(owner, sim, flows, [points[key] for key in sorted(points)])
