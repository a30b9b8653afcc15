"""Compare `daily_energy` of recorded days with the counters in the recording.

    GIVLAKE_SHARED=FOLDER python -m benchmarks.marts.recorded FOLDER

$GIVLAKE_SHARED/samples has inverter_data_points_YYYY-MM-DD.json; without it nothing is compared. No
energies are printed, only how far they are apart, and how far the largest counter of the day would
be.
"""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.common import new_folder, owner_of, parser, print_table
from simulator import Simulator, SimulatorConfig

DAYS = (date(2025, 6, 1), date(2025, 6, 3))
COUNTERS: dict[str, tuple[str, ...]] = {
    "solar_kwh": ("solar",),
    "import_kwh": ("grid", "import"),
    "export_kwh": ("grid", "export"),
    "charge_kwh": ("battery", "charge"),
    "discharge_kwh": ("battery", "discharge"),
    "home_counter_kwh": ("consumption",),
}


def counter(point: dict[str, Any], path: tuple[str, ...]) -> float:
    """Return a daily counter of a point."""
    value = point["today"]
    for name in path:
        value = value[name]
    return float(value)


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    options = arguments.parse_args()
    samples = Path(os.environ.get("GIVLAKE_SHARED", "/nonexistent")) / "samples"
    if not samples.is_dir():
        print("GIVLAKE_SHARED names no folder with samples: nothing to compare.")
        return
    with Simulator(SimulatorConfig(inverters=1, gateways=0, recordings=samples)) as sim:
        owner = owner_of(sim, new_folder(options.folder), "inverter_data_points")
        for day in DAYS:
            owner.givlake("backfill", "--start", day, "--end", day)
    rows = []
    for day in DAYS:
        content = json.loads((samples / f"inverter_data_points_{day}.json").read_text())
        points = sorted(content["data"], key=lambda point: point["time"])
        (found,) = owner.sql(f"FROM daily_energy WHERE local_date = '{day}'")
        for name, path in COUNTERS.items():
            last = counter(points[-1], path)
            largest = max(counter(point, path) for point in points)
            rows.append(
                (day, name, found["points"], f"{found[name] - last:.3f}", f"{largest - last:.3f}")
            )
    names = ("day", "energy", "points", "less last counter, kWh", "largest less last counter, kWh")
    print_table(names, rows)


if __name__ == "__main__":
    main()
