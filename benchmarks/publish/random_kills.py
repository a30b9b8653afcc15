"""Kill `givlake publish` at random moments, while all published tables are being read.

    python -m benchmarks.publish.random_kills FOLDER [--kills 30] [--seed 1] [--s3]

Tables and marts of several kinds are published. Each round then fetches one more day and kills
`publish` at a random moment of its time; a kill takes up what earlier ones left. Until the
kill and after it every table is read whole: all its rows must be those of before, or those of the
folder now. At the end `publish` runs to its end, and every value of every table is compared. Ends
with 1 if anything differs.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

from deltalake import DeltaTable

from benchmarks.common import new_folder, owner_of, parser, print_load, print_table
from simulator import Simulator, SimulatorConfig
from tests.support.object_store import BUCKET, ObjectStore
from tests.support.owner import Owner, finished
from tests.support.published import published_rows
from warehouse.publish.delta_target import DeltaTarget

FIRST = date(2025, 5, 1)
ACCOUNT = "account"
# With months and without, tables and marts, and one that all accounts share.
TABLES = (
    "inverter_data_points", "energy_flows", "inverter_events", "inverters", "daily_energy",
    "site_half_hourly", "codes",
)  # fmt: skip


class Readers:
    """Reads the published tables as anyone would, and knows which numbers of rows are whole."""

    def __init__(self, url: str, options: Mapping[str, str], owner: Owner) -> None:
        self._url, self._options, self._owner = url, dict(options), owner
        self.reads = 0
        self.torn: list[str] = []
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def note_folder(self) -> None:
        """Note how many rows the folder has now; what was published so far stays allowed."""
        self._before = {name: self._count(name) for name in TABLES}
        self._now = {name: self._folder_count(name) for name in TABLES}

    def read(self) -> Iterator[str]:
        """Read each table once, and yield its name."""
        for name in TABLES:
            self.reads += 1
            if (found := self._count(name)) not in (self._before[name], self._now[name]):
                self.torn.append(f"{name}: {found}, not {self._before[name]} or {self._now[name]}")
            yield name

    def published(self) -> int:
        """Return the number of tables with the rows of now, of those that have changed."""
        changed = [name for name in TABLES if self._before[name] != self._now[name]]
        return sum(self._count(name) == self._now[name] for name in changed)

    def changed(self) -> int:
        """Return the number of tables with other numbers of rows than published before."""
        return sum(self._before[name] != self._now[name] for name in TABLES)

    def differing(self) -> list[str]:
        """Return the tables of which any value differs from the folder's."""
        return [name for name in TABLES if self._values(name) != self._folder_values(name)]

    def _count(self, name: str) -> int:
        # All columns are asked for, so that all files are read.
        (row,) = published_rows(
            f"{self._url}/{name}", "count(*) AS n, max(hash(COLUMNS(*)))", self._options
        )
        return int(row["n"])

    def _folder_count(self, name: str) -> int:
        return int(self._owner.sql(f"SELECT count(*) AS n FROM {name}")[0]["n"])

    def _columns(self, name: str) -> str:
        columns = DeltaTable(f"{self._url}/{name}", storage_options=self._options).schema().fields
        names = sorted(field.name for field in columns)
        mine = {"account", "month"}
        # As text, since the two ways to read have other types for a time.
        kept = (column for column in names if column not in mine)
        return ", ".join(f'"{column}"::VARCHAR AS "{column}"' for column in kept)

    def _values(self, name: str) -> Counter[str]:
        rows = published_rows(f"{self._url}/{name}", self._columns(name), self._options)
        return Counter(map(str, rows))

    def _folder_values(self, name: str) -> Counter[str]:
        return Counter(map(str, self._owner.sql(f"SELECT {self._columns(name)} FROM {name}")))


def main() -> None:
    """Run the rounds and print what the readers saw."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--kills", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--s3", action="store_true", help="publish to an S3 server")
    options = arguments.parse_args()
    chosen = random.Random(options.seed)
    folder = new_folder(options.folder)
    store = ObjectStore(folder / "s3") if options.s3 else None
    url = f"s3://{BUCKET}/kills" if store else str(folder / "published")
    credentials = store.credentials if store else {}
    print_load()
    config = SimulatorConfig(inverters=2, commissioned=FIRST, empty_day_rate=0.0)
    with Simulator(config) as sim:
        owner = owner_of(sim, folder / "owner", GIVLAKE_NAME=ACCOUNT, **credentials)
        fetch(owner, 0)
        words = ["publish", url, *(word for name in TABLES for word in ("--table", name))]
        began = time.monotonic()
        run(owner, *words)
        whole_s = time.monotonic() - began
        readers = Readers(url, DeltaTarget(url, credentials).options, owner)
        ended: Counter[str] = Counter()
        number = 0
        while ended["killed"] < options.kills:
            number += 1
            fetch(owner, number)
            readers.note_folder()
            at_s = chosen.uniform(0.2, 1.0) * whole_s
            began = time.monotonic()
            process = owner.start(*words)
            reading, deadline = readers.read(), time.monotonic() + at_s
            while time.monotonic() < deadline and process.poll() is None:
                if next(reading, None) is None:
                    reading = readers.read()
            was_running = process.poll() is None
            if not was_running:
                # What a later one takes, which publishes less than the first.
                whole_s = min(whole_s, time.monotonic() - began)
            process.send_signal(signal.SIGKILL)
            finished(process)
            list(readers.read())
            of = f"{readers.published()} of {readers.changed()} tables"
            ended["killed" if was_running else "ended before"] += 1
            print(f"{number}: {'killed' if was_running else 'ended'} at {at_s:.1f} s, {of}",
                  flush=True)  # fmt: skip
    run(owner, *words)
    differing = readers.differing()
    print_table(
        ["target", "killed", "had ended", "tables", "reads", "torn", "differ at the end"],
        [["S3" if store else "folder", ended["killed"], ended["ended before"],
          len(TABLES), f"{readers.reads:,}", len(readers.torn), len(differing)]],
    )  # fmt: skip
    print(*readers.torn, *differing, sep="\n")
    print_load()
    if store is not None:
        store.stop()
    sys.exit(1 if readers.torn or differing else 0)


def fetch(owner: Owner, number: int) -> None:
    """Fetch the day of a round."""
    day = FIRST + timedelta(days=number + 3)
    run(owner, "backfill", "--start", day, "--end", day)


def run(owner: Owner, *words: object) -> None:
    """Run a command that must succeed."""
    done = owner.process(*words)
    if done.status:
        raise SystemExit(f"givlake {' '.join(map(str, words))}: {done.status}\n{done.output}")


if __name__ == "__main__":
    main()
