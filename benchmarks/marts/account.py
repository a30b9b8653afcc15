"""Make the simulated account of `docs/cookbook.md` in a folder; takes half a minute of CPU.

    python -m benchmarks.marts.account FOLDER

A Gateway that measures the whole house, an inverter behind it, an EV charger, cheap nights. Seed
and clock are fixed, so every machine makes the same rows at any time. FOLDER is emptied first;
FOLDER/data is the data folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from benchmarks.common import ROOT, new_folder, owner_of, parser
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

TARIFFS = ROOT / "docs/examples/tariffs"
CONFIG = SimulatorConfig(
    inverters=2, gateways=1, ev_chargers=1, ev_points_every_s=900, rows_per_day=144, seed=5,
    cheap_hours="00:30-05:30", empty_day_rate=0.02, commissioned=date(2024, 3, 1),
    rate_limit=100_000, clock=datetime(2025, 5, 20, 12, tzinfo=UTC),
)  # fmt: skip
DATASETS = (
    "energy_flows", "inverter_data_points", "ev_charging_sessions", "ev_meter_readings",
    "inverter_events", "inverter_presets", "inverter_preset_values", "inverter_system_readings",
    "inverter_meter_readings",
)  # fmt: skip
COMMANDS: tuple[tuple[object, ...], ...] = (
    ("backfill", "--dataset", "energy_flows", "--start", "2024-03", "--end", "2025-05-01"),
    ("backfill", "--dataset", "ev_meter_readings", "--start", "2025-04", "--end", "2025-05-01"),
    ("backfill", "--dataset", "inverter_data_points", "--start", "2024-04", "--end", "2024-04"),
    ("backfill", "--start", "2025-04-01", "--end", "2025-04-14"),
    # Data points of 15 April stay missing.
    ("backfill", "--start", "2025-04-16", "--end", "2025-04-30"),
    ("tariffs", "load", TARIFFS / "flat.toml"),
    ("tariffs", "load", TARIFFS / "two-rate.toml"),
    ("tariffs", "load", TARIFFS / "bands.toml"),
    ("tariffs", "load", TARIFFS / "half-hourly.csv", "--name", "agile"),
    ("tariffs", "use", "flat", "--from", "2024-04-01", "--to", "2025-01-01"),
    ("tariffs", "use", "two-rate", "--from", "2025-01-01"),
)


@contextmanager
def cookbook_account(folder: Path) -> Iterator[tuple[Simulator, Owner]]:
    """Yield the simulator and its owner, whose data folder has what the cookbook shows.

    Args:
        folder: The owner's folder, which is emptied first.

    Raises:
        SystemExit: A command failed.
    """
    with Simulator(CONFIG) as sim:
        owner = owner_of(sim, new_folder(folder), *DATASETS)
        for arguments in COMMANDS:
            done = owner.givlake(*arguments)
            if done.status:
                raise SystemExit(f"givlake {' '.join(map(str, arguments))}: {done.output}")
        yield sim, owner


def main() -> None:
    """Make the account."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    with cookbook_account(options.parse_args().folder) as (_, owner):
        print(f"The data folder is {owner.data}")


if __name__ == "__main__":
    main()
