"""The simulated account of the pictures in the README.

A house with panels, battery and car, cheap nights and three tariffs. Seed and clock are fixed, so
that every machine makes the same rows at any time. Some days are not whole, as in any history.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.common import ROOT, new_folder, owner_of
from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.owner import Owner

# What has sent requests within some minutes counts as running.
INGESTED_AT, NOW = (datetime(2025, 10, 10, 13, minute, tzinfo=UTC) for minute in (15, 21))
TARIFFS = ROOT / "docs/examples/tariffs"
CONFIG = SimulatorConfig(
    inverters=1, gateways=0, ev_chargers=1, ev_points_every_s=900, rows_per_day=288, seed=201,
    cheap_hours="00:30-05:30", empty_day_rate=0.0, flow_gap_rate=0.0, ev_offline_rate=0.0,
    commissioned=date(2023, 11, 1), rate_limit=100_000,
)  # fmt: skip
DATASETS = (
    "energy_flows", "inverter_data_points", "ev_charging_sessions", "ev_meter_readings",
    "inverter_events", "inverter_system_readings", "inverter_meter_readings",
)  # fmt: skip
COMMANDS: tuple[tuple[object, ...], ...] = (
    ("backfill", "--dataset", "energy_flows", "--start", "2023-11-01", "--end", "2025-04-16"),
    # Flows of 17 April stay missing, and all of 23 August.
    ("backfill", "--dataset", "energy_flows", "--start", "2025-04-18", "--end", "2025-05-31"),
    ("backfill", "--start", "2025-06-01", "--end", "2025-08-22"),
    ("backfill", "--start", "2025-08-24", "--end", "2025-10-10"),
    ("tariffs", "load", TARIFFS / "two-rate.toml"),
    ("tariffs", "load", TARIFFS / "flat.toml"),
    ("tariffs", "load", TARIFFS / "bands.toml"),
    ("tariffs", "use", "two-rate", "--from", "2024-01-01"),
)  # fmt: skip


@contextmanager
def pictured_account(folder: Path) -> Iterator[Owner]:
    """Yield the owner of the account, at whose time all that is started in the context runs.

    Args:
        folder: The owner's folder, which is emptied first.

    Raises:
        SystemExit: A command failed.
    """
    with Simulator(CONFIG) as sim:
        owner = owner_of(sim, new_folder(folder), *DATASETS)
        with clock.at(INGESTED_AT):
            for arguments in COMMANDS:
                done = owner.givlake(*arguments)
                if done.status:
                    raise SystemExit(f"givlake {' '.join(map(str, arguments))}: {done.output}")
        with clock.at(NOW):
            yield owner
