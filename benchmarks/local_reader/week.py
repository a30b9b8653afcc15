"""Measure a week of an inverter that is read every 10 s: bytes per store, CPU per poll.

    python -m benchmarks.local_reader.week FOLDER [--days 7] [--store-minutes 5] [--network 1000]

First some polls go over the network, to a made adapter in a process of its own: CPU and wall of
connection, requests, decoding. Then every poll of the week goes through journal, archive, tables
and compaction in order, with registers that are made in place of the network: as many fsyncs,
segments and builds as in a real week, without its waiting. Voltages, currents and powers are noisy,
as compression depends on it. At the end marts are compared with what is true of the made house.
"""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from givenergy_modbus.model.inverter import Model, resolve_model
from givenergy_modbus.model.register import HR, IR
from givenergy_modbus.model.register_cache import RegisterCache

from benchmarks.common import heading, new_folder, parser, print_load, row
from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.library import required_library
from pipelines.local_reader.poll_archive import PollArchive
from pipelines.local_reader.poll_inverter import poll_inverter, poll_of
from pipelines.local_reader.poll_journal import PollJournal
from pipelines.local_reader.register_layouts import Block, layout_of
from pipelines.local_reader.register_read import Registers, Timing
from pipelines.maintenance import compact_archive
from pipelines.open_folder import open_lake
from tests.support.local_polls import rows_of
from tests.support.made_house import ARM_FIRMWARE, ENERGIES, SERIAL, TYPE_CODE, MadeHouse
from tests.support.made_house import Registers as Words
from tests.support.modbus_inverter import ModbusInverter, serving
from tests.support.settings import settings_of
from warehouse.lake import Lake

START = datetime(2025, 6, 1, tzinfo=UTC)
EVERY_S = 10
BLOCKS = (Block(0, kind="HR"), Block(0), Block(180))
# Registers -> the largest step of the noise on them.
NOISE = {1: 40, 2: 40, 5: 15, 8: 4, 9: 4, 10: 4, 13: 4, 18: 60, 20: 60, 24: 90, 30: 120, 41: 3}
NOISE |= {42: 120, 50: 8, 52: 60, 53: 15, 54: 4, 56: 1}


class NoisyHouse:
    """A made house whose readings are noisy; its counters are not."""

    def __init__(self) -> None:
        """Begin the noise, the same each time."""
        self._house = MadeHouse(installed=START.date())
        self._chance = random.Random(1)

    def registers(self, at: datetime) -> Words:
        """Return the registers at a time."""
        words = self._house.registers(at)
        for number, step in NOISE.items():
            noise = round(self._chance.triangular(-step, step))
            if words["IR", number]:
                words["IR", number] = (words["IR", number] + noise) & 0xFFFF
        # The inverter's clock.
        clock = (at.year - 2000, at.month, at.day, at.hour, at.minute, at.second)
        words |= {("HR", 35 + place): part for place, part in enumerate(clock)}
        return words


def serve(to: Connection) -> None:
    """Serve the adapter until told to stop; send its port."""
    words = NoisyHouse().registers(START + timedelta(hours=12))
    with serving(ModbusInverter(lambda at: words)) as inverter:
        to.send(inverter.port)
        to.recv()


@contextmanager
def adapter_process() -> Iterator[InverterAddress]:
    """Run the adapter in a process of its own, so that its CPU is not measured."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield InverterAddress("127.0.0.1", ours.recv())
    finally:
        ours.send(None)
        process.join()


def over_the_network(polls: int) -> None:
    """Print what polls over the network cost."""
    timing = Timing(pause_s=0.0, jitter_s=0.0)
    with adapter_process() as address:
        poll_inverter(address, lambda: START, "Europe/London", timing)
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(polls):
            poll_inverter(address, lambda: START, "Europe/London", timing)
        wall_ms = (time.perf_counter() - wall) * 1000 / polls
        cpu_ms = (time.process_time() - cpu) * 1000 / polls
    print(f"{polls:,} polls over the network: {cpu_ms:.2f} ms CPU, {wall_ms:.2f} ms wall each\n")


def size_of(folder: Path) -> int:
    """Return the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def written_bytes() -> int:
    """Return how much this process has written to files so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


class Week:
    """The work of a week, and what it has cost."""

    def __init__(self, lake: Lake, journal: PollJournal, archive: PollArchive) -> None:
        """Begin at the start of the week."""
        self._lake, self._journal, self._archive = lake, journal, archive
        self._house, self._at = NoisyHouse(), START
        self._layout = layout_of(resolved())
        self.cpu_s = dict.fromkeys(("decode", "journal", "archive", "tables"), 0.0)
        self.journal_wall_s = 0.0
        self.most_journal_bytes = 0

    def day(self, polls_a_store: int) -> None:
        """Poll for a day, and store after every so many polls."""
        for number in range(86_400 // EVERY_S):
            values = RegisterCache(
                {
                    (HR if kind == "HR" else IR)(place): word
                    for (kind, place), word in self._house.registers(self._at).items()
                }
            )
            began = time.process_time()
            assert self._layout is not None
            registers = Registers(SERIAL, resolved(), self._layout, values, BLOCKS, self._at)
            poll = poll_of(registers, "Europe/London")
            decoded, wall = time.process_time(), time.perf_counter()
            self._journal.append(poll)
            self.cpu_s["decode"] += decoded - began
            self.cpu_s["journal"] += time.process_time() - decoded
            self.journal_wall_s += time.perf_counter() - wall
            self._at += timedelta(seconds=EVERY_S)
            if (number + 1) % polls_a_store == 0:
                self._store()

    def _store(self) -> None:
        size = self._journal.path.stat().st_size
        self.most_journal_bytes = max(self.most_journal_bytes, size)
        began = time.process_time()
        self._archive.store()
        stored = time.process_time()
        self._archive.build()
        self.cpu_s["archive"] += stored - began
        self.cpu_s["tables"] += time.process_time() - stored


def resolved() -> Model:
    """Return the library's model of the made inverter."""
    return resolve_model(TYPE_CODE, ARM_FIRMWARE)


def print_deviations(folder: Path) -> None:
    """Print how far marts are from what is true of the made house."""
    house = MadeHouse(installed=START.date())
    names = {name: name for name in ("solar", "import", "export", "charge", "discharge")}
    second = timedelta(seconds=1)
    half_hours = rows_of(folder, table="half_hourly_balance", order="start_at")
    worst = 0.0
    for found in half_hours:
        start = found["start_at"]
        end = start + timedelta(minutes=30) - second  # midnight is the next day's
        true = {name: house.today(end)[name] - house.today(start)[name] for name in ENERGIES}
        for column, name in {**names, "home": "load"}.items():
            worst = max(worst, abs(found[f"{column}_kwh"] - true[name]))
    print(f"{len(half_hours)} half hours: at most {worst:.3f} kWh from the truth.")
    days = rows_of(folder, table="daily_energy", order="local_date")
    whole = [found for found in days if found["is_complete"]]
    worst = 0.0
    for found in whole:
        end = house.midnight(found["local_date"] + timedelta(days=1)) - second
        for column, name in names.items():
            worst = max(worst, abs(found[f"{column}_kwh"] - house.today(end)[name]))
    print(f"{len(whole)} whole days: at most {worst:.3f} kWh from the truth.")
    print(f"{len(rows_of(folder, table='gaps', order='last_point_at'))} gaps.")


def main() -> None:
    """Print what polls over the network cost, then a row for each day of the week."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--days", type=int, default=7)
    arguments.add_argument("--store-minutes", type=int, default=5)
    arguments.add_argument("--network", type=int, default=1000, help="polls over the network")
    options = arguments.parse_args()
    required_library()
    print_load()
    over_the_network(options.network)
    folder = new_folder(options.folder) / "data"
    settings = settings_of({"GIVLAKE_DATA": str(folder)})
    polls = 86_400 // EVERY_S
    print(
        heading(
            "day",
            "decode ms",
            "journal ms",
            "archive ms",
            "tables ms",
            "CPU ms a poll",
            "journal wall ms",
            "written MB",
            "archive kB",
            "compacted kB",
            "table kB",
            "index kB",
        )
    )
    with open_lake(settings) as lake, closing(PollJournal(folder)) as journal:
        week = Week(lake, journal, PollArchive(lake, settings, journal))
        for number in range(1, options.days + 1):
            week.cpu_s = dict.fromkeys(week.cpu_s, 0.0)
            week.journal_wall_s, written = 0.0, written_bytes()
            week.day(options.store_minutes * 60 // EVERY_S)
            before = size_of(folder / "archive")
            compact_archive(lake)
            print(
                row(
                    number,
                    *(f"{seconds * 1000 / polls:.2f}" for seconds in week.cpu_s.values()),
                    f"{sum(week.cpu_s.values()) * 1000 / polls:.2f}",
                    f"{week.journal_wall_s * 1000 / polls:.2f}",
                    f"{(written_bytes() - written) / 1e6:.0f}",
                    f"{before / 1e3:,.0f}",
                    f"{size_of(folder / 'archive') / 1e3:,.0f}",
                    f"{size_of(folder / 'tables' / 'inverter_data_points') / 1e3:,.0f}",
                    f"{size_of(folder / 'index') / 1e3:,.0f}",
                ),
                flush=True,
            )
        print(f"\nLargest journal: {week.most_journal_bytes / 1e3:,.0f} kB.")
    print_deviations(folder)


if __name__ == "__main__":
    main()
