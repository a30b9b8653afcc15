"""A long history of deliveries in any order, compared with a rebuild in a new folder.

    python benchmarks/stores_history.py FOLDER [--deliveries 1000]

New days, revised days, late and older rows, re-deliveries, days in which values turn to null, bad
rows and duplicates, built in steps of random size with packing in between. Then the archive alone
is copied, rebuilt, and everything derived is deleted and made again: hashes over canonical rows.
"""

from __future__ import annotations

import argparse
import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.support.table_content import content_of, rows_of
from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from warehouse import Lake, build, pack, publish, rebuild, refresh_coverage


def delivery(chance: random.Random) -> tuple[str, date, list[dict[str, Any]]]:
    """Make a device-day as it might come at some time."""
    day = date(2025, 5, 1) + timedelta(days=chance.randrange(90))
    rows = day_rows(day, chance.choice([6, 12, 24]), power=1000.0 * chance.randrange(3))
    for row in rows:
        fate = chance.random()
        if fate < 0.1:
            row["p"] = None
        elif fate < 0.13:
            row["p"] = -1.0
        elif fate < 0.2:
            row["s"] = None
    if chance.random() < 0.1:
        rows.append({**rows[0], "p": 7.0})
    return chance.choice("ABC"), day, rows


def main() -> None:
    """Deliver, build, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--deliveries", type=int, default=1000)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    chance = random.Random(5)
    counts = dict.fromkeys(("new", "identical", "superseding", "superseded", "quarantined"), 0)
    rows_in = 0
    with Lake(arguments.folder / "grown") as lake, Lake(arguments.folder / "late") as other:
        # Two archives open at once: the second's responses are numbered early and arrive late.
        late = type(lake.archive)(
            lake.folder / "archive", lake.folder / "locks", other.scratch, flush_age_s=3600
        )
        past: list[Any] = []
        for number in range(arguments.deliveries):
            again = past and chance.random() < 0.15
            device, day, rows = chance.choice(past) if again else delivery(chance)
            past.append((device, day, rows))
            target = late if chance.random() < 0.2 else lake.archive
            target.append([answer(device, day, rows)])
            if chance.random() < 0.05:
                late.flush()
            if chance.random() < 0.1 or number == arguments.deliveries - 1:
                late.flush() if number == arguments.deliveries - 1 else None
                report = build(lake, ToyDecoder())
                rows_in += report.rows()
                for name in counts:
                    counts[name] += report.rows(name)
            if chance.random() < 0.02:
                pack(lake.archive)
        publish(lake, ToyDecoder().tables)
    grown = content_of(arguments.folder / "grown")
    shutil.copytree(arguments.folder / "grown/archive", arguments.folder / "apart/archive")
    with Lake(arguments.folder / "apart") as lake:
        rebuild(lake, ToyDecoder())
    apart = content_of(arguments.folder / "apart")
    for name in ("index", "tables", "warehouse.duckdb"):
        path = arguments.folder / "grown" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with Lake(arguments.folder / "grown") as lake:
        build(lake, ToyDecoder())
        refresh_coverage(lake, [])
    deleted = content_of(arguments.folder / "grown")
    print(
        f"{arguments.deliveries} deliveries, {rows_in:,} rows = "
        + " + ".join(f"{count:,} {name}" for name, count in counts.items())
    )
    print(
        f"accounted: {rows_in == sum(counts.values())}; rows in the table equal the new ones: "
        f"{len(rows_of(arguments.folder / 'grown')) == counts['new']}\n"
    )
    print(
        "| store | SHA-256 of its rows | same in a rebuild elsewhere | same after deleting what "
        "is derived |\n|---|---|---|---|"
    )
    for store, digest in grown.items():
        print(
            f"| {store} | {digest[:16]} | {digest == apart[store]} | {digest == deleted[store]} |"
        )


if __name__ == "__main__":
    main()
