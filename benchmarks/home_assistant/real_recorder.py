"""Import an export of `--format home-assistant` into a real recorder, and read it back.

Needs Python 3.13 with the packages `homeassistant` (2025.12 or later), `sqlalchemy`,
`fnv-hash-fast` and `psutil-home-assistant`, and none of givlake's. With an environment of its own:

    python3.13 -m venv ha && ha/bin/pip install homeassistant sqlalchemy fnv-hash-fast \
        psutil-home-assistant
    givlake export --format home-assistant --to files
    givlake query "SELECT * FROM site_daily" --output days.csv
    ha/bin/python benchmarks/home_assistant/real_recorder.py files --days days.csv \
        --zone Europe/London --results results.md

The messages of `statistics.jsonl` go through the handler of the websocket interface, with its
checks. The rows of `statistics.tsv` are read by the rules that the documentation of *Import
Statistics* states, and go into a second database through the function that it calls.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

_COLUMNS = {
    "solar": "solar_kwh",
    "grid_import": "import_kwh",
    "grid_export": "export_kwh",
    "battery_charge": "charge_kwh",
    "battery_discharge": "discharge_kwh",
}
_TOLERANCE = 0.001 + 1e-9
_FALLING = "givlake:check_falling"

# By statistic and by the start of the hour, in seconds since 1970.
Sums = dict[str, dict[float, float]]


def missing_requirements() -> str | None:
    """Return what this Python lacks to run a recorder; None if it has all."""
    if sys.version_info < (3, 13):
        return f"Python 3.13 or later is needed, this is {sys.version.split()[0]}."
    try:
        import fnv_hash_fast  # noqa: F401
        import homeassistant.components.recorder.statistics  # noqa: F401
        import psutil_home_assistant  # noqa: F401
    except ImportError as error:
        return f"A package is missing ({error}): see the top of {Path(__file__).name}."
    return None


async def recorder(folder: Path, zone: str) -> Any:
    """Start Home Assistant's core with its recorder on SQLite, offline."""
    from homeassistant import loader
    from homeassistant.config_entries import ConfigEntries
    from homeassistant.core import CoreState, HomeAssistant
    from homeassistant.helpers import entity, entity_registry
    from homeassistant.helpers.recorder import async_initialize_recorder
    from homeassistant.setup import async_setup_component

    hass = HomeAssistant(str(folder))
    # The recorder begins to write when Home Assistant has started.
    hass.set_state(CoreState.running)
    hass.config.skip_pip = True
    await hass.config.async_set_time_zone(zone)
    hass.config_entries = ConfigEntries(hass, {})
    loader.async_setup(hass)
    entity.async_setup(hass)
    await entity_registry.async_load(hass)
    async_initialize_recorder(hass)
    settings = {"recorder": {"db_url": f"sqlite:///{folder / 'home.db'}", "commit_interval": 1}}
    assert await async_setup_component(hass, "recorder", settings)
    await committed(hass)
    return hass


async def committed(hass: Any) -> None:
    """Wait until the recorder has written all it was given.

    Its own waiting returns at once while it works on the last of its tasks.
    """
    from homeassistant.components.recorder.tasks import SynchronizeTask
    from homeassistant.helpers.recorder import get_instance

    await hass.async_block_till_done()
    written = hass.loop.create_future()
    get_instance(hass).queue_task(SynchronizeTask(written))
    await written


def messages(folder: Path, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the messages of `statistics.jsonl` whose statistic begins with a text."""
    with (folder / "statistics.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message["metadata"]["statistic_id"].startswith(prefix):
                yield message


async def send(hass: Any, message: dict[str, Any]) -> None:
    """Give a message to the handler of the websocket interface, and wait until it is written."""
    from homeassistant.components.recorder.websocket_api import ws_import_statistics

    failed: list[Any] = []
    connection = SimpleNamespace(
        user=SimpleNamespace(is_admin=True),
        send_result=lambda *_: None,
        send_error=lambda *error: failed.append(error),
    )
    ws_import_statistics(hass, connection, ws_import_statistics._ws_schema(message))
    assert not failed, failed
    await committed(hass)


async def import_messages(hass: Any, folder: Path, prefix: str) -> Sums:
    """Import `statistics.jsonl`; return the sums by statistic and hour."""
    sums: Sums = defaultdict(dict)
    for message in messages(folder, prefix):
        await send(hass, message)
        for row in message["stats"]:
            start = datetime.fromisoformat(row["start"])
            sums[message["metadata"]["statistic_id"]][start.timestamp()] = row["sum"]
    return sums


async def import_rows(hass: Any, folder: Path, prefix: str) -> Sums:
    """Import `statistics.tsv`; return the sums by statistic and hour."""
    from homeassistant.components.recorder.models import StatisticMeanType
    from homeassistant.components.recorder.statistics import async_add_external_statistics

    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    sums: Sums = defaultdict(dict)
    with (folder / "statistics.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["statistic_id"].startswith(prefix):
                start = datetime.strptime(row["start"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
                values = {"state": float(row["state"]), "sum": float(row["sum"])}
                rows[row["statistic_id"], row["unit"]].append({"start": start, **values})
                sums[row["statistic_id"]][start.timestamp()] = values["sum"]
    for (statistic_id, unit), statistics in rows.items():
        metadata = {
            "statistic_id": statistic_id,
            "source": statistic_id.partition(":")[0],
            "name": None,
            "unit_of_measurement": unit,
            "unit_class": "energy" if unit == "kWh" else None,
            "mean_type": StatisticMeanType.NONE,
            "has_sum": True,
        }
        async_add_external_statistics(hass, metadata, statistics)
        await committed(hass)
    return sums


async def stored(hass: Any, statistic_id: str, period: str) -> list[dict[str, Any]]:
    """Return what the recorder says of a statistic."""
    from homeassistant.components.recorder.statistics import statistics_during_period
    from homeassistant.helpers.recorder import get_instance

    types = {"sum", "state", "change"}
    found = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass, datetime(2000, 1, 1, tzinfo=UTC), None, {statistic_id}, period, None, types,
    )  # fmt: skip
    rows: list[dict[str, Any]] = found.get(statistic_id, [])
    return rows


async def compare(
    hass: Any, sums: Sums, days: dict[tuple[str, date], float], zone: ZoneInfo
) -> dict[str, int]:
    """Compare hours with the files and days with the lake; return counts, with `wrong_…`."""
    counts: dict[str, int] = defaultdict(int)
    for statistic_id, expected in sums.items():
        counts["statistics"] += 1
        hours = await stored(hass, statistic_id, "hour")
        counts["hours"] += len(hours)
        counts["wrong_hours"] += len(hours) != len(expected)
        for row in hours:
            total = expected.get(row["start"])
            counts["wrong_hours"] += total is None or abs(row["sum"] - total) > 1e-9
        for row in await stored(hass, statistic_id, "day"):
            day = datetime.fromtimestamp(row["start"], zone)
            counts["days"] += 1
            if (known := days.get((statistic_id, day.date()))) is not None:
                length = round((row["end"] - row["start"]) / 3600)
                counts["days compared"] += 1
                counts[f"days of {length} hours compared"] += length != 24
                counts["wrong_days"] += abs(row["change"] - known) > _TOLERANCE
    return counts


async def validated(hass: Any, sums: Sums) -> list[Any]:
    """Return what Home Assistant's check of an energy dashboard of these statistics says."""
    from homeassistant.components.energy import data, validate

    one = {name.rpartition(":")[2]: name for name in sums}

    def ending(text: str) -> str | None:
        return next((name for short, name in one.items() if short.endswith(text)), None)

    manager = await data.async_get_manager(hass)
    bought = {"stat_energy_from": ending("_grid_import"), "stat_cost": ending("_import_cost")}
    sold = {"stat_energy_to": ending("_grid_export"), "stat_compensation": ending("_export_income")}
    grid = {"type": "grid", "flow_from": [bought], "flow_to": [sold], "cost_adjustment_day": 0}
    battery = {
        "type": "battery",
        "stat_energy_from": ending("_battery_discharge"),
        "stat_energy_to": ending("_battery_charge"),
    }
    solar = {"type": "solar", "stat_energy_from": ending("_solar")}
    car = [{"stat_consumption": name} for short, name in one.items() if short.endswith("_ev")]
    manager.data = {"energy_sources": [grid, solar, battery], "device_consumption": car}
    result = (await validate.async_validate(hass)).as_dict()
    return [issue for issues in result.values() for group in issues for issue in group]


async def falling_change(hass: Any) -> float:
    """Import a statistic that falls, as costs with negative prices do; return its change."""
    metadata = {
        "statistic_id": _FALLING, "source": "givlake", "name": "falling", "unit_class": None,
        "unit_of_measurement": "GBP", "mean_type": 0, "has_sum": True,
    }  # fmt: skip
    stats = [
        {"start": f"2025-01-01T0{hour}:00:00+00:00", "state": total, "sum": total}
        for hour, total in enumerate((1.0, 0.25))
    ]
    message = {"id": 1, "type": "recorder/import_statistics", "metadata": metadata, "stats": stats}
    await send(hass, message)
    return float((await stored(hass, _FALLING, "hour"))[1]["change"])


def lake_days(path: Path | None) -> dict[tuple[str, date], float]:
    """Return the energies of whole days by statistic and day, from a CSV file of `site_daily`."""
    days = {}
    if path is not None:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["source"] == "energy_flows" and row["is_complete"] == "true":
                    day = date.fromisoformat(row["local_date"])
                    for measure, column in _COLUMNS.items():
                        if row[column]:
                            name = f"givlake:site_{row['site']}_{measure}"
                            days[name, day] = float(row[column])
    return days


async def run(options: argparse.Namespace) -> list[str]:
    """Import both files, each into a database of its own; return lines for the results."""
    from homeassistant.const import __version__

    days, zone = lake_days(options.days), ZoneInfo(options.zone)
    lines = [
        f"homeassistant {__version__}, Python {sys.version.split()[0]}, {options.zone}.\n",
        "| file | imported | seconds | CPU s | read back | wrong hours | days compared with the"
        " lake | of 23 / 25 hours | wrong days | issues of the energy dashboard |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, import_file in (
        ("statistics.jsonl", import_messages),
        ("statistics.tsv", import_rows),
    ):
        with tempfile.TemporaryDirectory() as folder:
            hass = await recorder(Path(folder), options.zone)
            began, cpu = time.monotonic(), time.process_time()
            sums = await import_file(hass, options.folder, options.only)
            took, used = time.monotonic() - began, time.process_time() - cpu
            counts = await compare(hass, sums, days, zone)
            issues = await validated(hass, sums)
            change = await falling_change(hass)
            await hass.async_stop(force=True)
        imported = sum(map(len, sums.values()))
        lines.append(
            f"| `{name}` | {imported:,} hours of {len(sums)} statistics | {took:.0f} | {used:.0f} |"
            f" {counts['hours']:,} | {counts['wrong_hours']} | {counts['days compared']:,} |"
            f" {counts['days of 23 hours compared']} / {counts['days of 25 hours compared']} |"
            f" {counts['wrong_days']} | {len(issues)} |"
        )
        if issues:
            lines.append(f"\nIssues: {issues}\n")
    lines.append(
        f"\nA sum that falls from 1.00 to 0.25 GBP was taken; its change reads {change:.2f} GBP."
    )
    return lines


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser; that of the other benchmarks needs givlake's packages."""
    arguments = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = arguments.add_argument
    add("folder", type=Path, help="An export of --format home-assistant.")
    add("--days", type=Path, help="CSV file of the mart site_daily.")
    add("--zone", default="Europe/London", help="Home Assistant's time zone.")
    add("--only", default="givlake:", help="Beginning of the statistics to import.")
    add("--results", type=Path, help="File to append the results to.")
    return arguments


def main() -> None:
    """Run it, and print the results or write them to a file."""
    options = parser(__doc__).parse_args()
    if (missing := missing_requirements()) is not None:
        raise SystemExit(missing)
    lines = asyncio.run(run(options))
    print("\n".join(lines))
    if options.results:
        with options.results.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
