"""How the cost of commands grows: with device-days, and with devices; tables and a picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from benchmarks.common import ROOT, Usage, measure, print_load, print_table, simulator_process
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout
from benchmarks.peers.growth_picture import Panel, picture
from benchmarks.peers.machine import commit
from benchmarks.peers.slopes import exponent, per_unit
from benchmarks.peers.tolerant import run_counted
from tests.support.owner import Owner

HEADING = "## How cost grows\n"
DATASET = "inverter_data_points"
# Inverters and days of each backfill.
SPREADS = ((1, 1), (2, 5), (10, 10), (20, 50))
DEVICES = (1, 10, 100, 1000, 2000)
POINTS_A_DAY, FLEET_POINTS_A_DAY = 288, 24
QUERY = "SELECT inverter_serial, max(today_solar_kwh) FROM inverter_data_points GROUP BY ALL"


def print_growth(is_short: bool, file: Path | None) -> None:
    """Measure both growths, print their tables, and draw them into a file if there is one."""
    print(HEADING)
    print(
        "Made by `make bench ARGS=--growth`, each command in a process of its own, no latency, one"
        f" run, givlake at {commit(ROOT)}. The exponent is the power of the size with which the"
        " cost above that of the first column grows (least squares between logarithms): 1 is as"
        " fast as the work, below 1 slower. None is given unless two sizes cost a fifth more.\n"
    )
    print_load()
    days = backfills(SPREADS[:2] if is_short else SPREADS)
    print_device_days(days)
    fleet = commands_of_fleets(DEVICES[:2] if is_short else DEVICES)
    print_devices(fleet)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(picture(panels(days, fleet)))


def backfills(spreads: Sequence[tuple[int, int]]) -> dict[int, Usage]:
    """Return what a backfill of so many device-days takes."""
    found = {}
    for inverters, days in spreads:
        with simulated(inverters, days, POINTS_A_DAY) as (owner, span):
            found[inverters * days] = measure(givlake_of(ROOT, "backfill", *span), owner)
    return found


def commands_of_fleets(sizes: Sequence[int]) -> dict[int, dict[str, Usage]]:
    """Return what commands take on a folder with a day of so many devices."""
    found = {}
    for devices in sizes:
        with simulated(devices, 1, FLEET_POINTS_A_DAY) as (owner, span):
            commands = {
                "backfill of a day": ("backfill", *span),
                "backfill, nothing to do": ("backfill", *span),
                "plan": ("plan", *span),
                "status": ("status",),
                "query of a day": ("query", QUERY),
            }
            found[devices] = {
                name: run_counted(ROOT, arguments, owner).usage
                for name, arguments in commands.items()
            }
    return found


@contextmanager
def simulated(
    inverters: int, days: int, points_a_day: int
) -> Iterator[tuple[Owner, tuple[str, ...]]]:
    """Give an owner of so many inverters and the options that name their days."""
    last = date.today() - timedelta(days=10)
    first = last - timedelta(days=days - 1)
    with (
        simulator_process(
            *("--inverters", inverters, "--rows-per-day", points_a_day),
            *("--rate-limit", 100_000, "--empty-day-rate", 0, "--commissioned", first),
        ) as control,
        tempfile.TemporaryDirectory(prefix="growth-") as folder,
    ):
        owner = owner_of_checkout(control, Path(folder), ROOT, DATASET)
        yield owner, ("--start", str(first), "--end", str(last))


def print_device_days(days: Mapping[int, Usage]) -> None:
    """Print the table of backfills."""
    print(f"Backfill of data points, {POINTS_A_DAY} a day, device-days of one command:\n")
    sizes, used = list(days), list(days.values())
    print_grown("device-days", sizes, [
        grown("CPU s", sizes, [*map(cpu_s, used)]),
        grown("peak MB", sizes, [*map(peak_mb, used)], digits=0),
    ])  # fmt: skip


def print_devices(fleet: Mapping[int, Mapping[str, Usage]]) -> None:
    """Print the table of CPU and memory of commands by devices."""
    sizes = list(fleet)
    rows = []
    for name in fleet[sizes[0]]:
        used = [fleet[size][name] for size in sizes]
        rows.append(grown(f"{name}, CPU s", sizes, [*map(cpu_s, used)]))
        rows.append(grown(f"{name}, peak MB", sizes, [*map(peak_mb, used)], digits=0))
    print(f"Folders with a day of so many devices, {FLEET_POINTS_A_DAY} points each:\n")
    print_grown("devices", sizes, rows)


def print_grown(unit: str, sizes: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of growing costs."""
    print_table((unit, *(f"{size:,}" for size in sizes), "ms or kB per unit", "exponent"), rows)


def grown(name: str, sizes: Sequence[int], costs: Sequence[float], digits: int = 2) -> list[str]:
    """Return a row: the cost of each size, what each unit more costs, and the exponent."""
    power = exponent(sizes, costs)
    return [
        name,
        *(f"{cost:.{digits}f}" for cost in costs),
        f"{per_unit(sizes, costs) * 1000:.1f}",
        "-" if power is None else f"{power:.2f}",
    ]


def panels(
    days: Mapping[int, Usage], fleet: Mapping[int, Mapping[str, Usage]]
) -> tuple[Panel, ...]:
    """Return the parts of the picture: CPU and memory of backfills, then of commands by devices."""
    names = list(next(iter(fleet.values())))

    def curves(cost: Callable[[Usage], float]) -> dict[str, dict[int, float]]:
        return {name: {size: cost(used[name]) for size, used in fleet.items()} for name in names}

    cpu, peak = ({size: cost(used) for size, used in days.items()} for cost in (cpu_s, peak_mb))
    return (
        Panel("CPU of a backfill, s", "device-days", {"backfill": cpu}),
        Panel("Peak memory of a backfill, MB", "device-days", {"backfill": peak}),
        Panel("CPU of commands, s", "devices, a day of each", curves(cpu_s)),
        Panel("Peak memory of commands, MB", "devices, a day of each", curves(peak_mb)),
    )


def cpu_s(used: Usage) -> float:
    """Return CPU seconds."""
    return used.cpu_s


def peak_mb(used: Usage) -> float:
    """Return peak memory in MB."""
    return used.peak_bytes / 1e6
