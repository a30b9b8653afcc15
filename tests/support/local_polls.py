"""A local reader over a data folder, at a time that a test sets, without waiting."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_archive import PollArchive
from pipelines.local_reader.poll_journal import PollJournal
from pipelines.local_reader.reading_loop import ReadingLoop
from pipelines.local_reader.register_read import Timing
from pipelines.open_folder import open_lake
from tests.support.modbus_inverter import ModbusInverter
from tests.support.settings import settings_of
from warehouse.connection import connect
from warehouse.lake import Lake

# Without the pauses of a real adapter. What is answered is waited for, however slow the machine is.
QUICK = Timing(connect_s=60.0, answer_s=60.0, retries=0, pause_s=0.0, jitter_s=0.0)
# For what is never answered.
IMPATIENT = QUICK._replace(answer_s=2.0)


class SetClock:
    """A clock that only waiting moves on.

    Attributes:
        until: When the loop is told to stop.
        at_each_wait: Called with the time before each wait.
    """

    def __init__(self, start: datetime, until: datetime) -> None:
        self.moment = start
        self.until = until
        self.at_each_wait: Callable[[datetime], object] = lambda at: None
        self._seconds = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self._seconds

    def wait(self, seconds: float) -> bool:
        self.pass_time(max(0.0, seconds))
        self.at_each_wait(self.moment)
        return self.moment >= self.until

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self._seconds += seconds


@contextlib.contextmanager
def reading(
    data: Path,
    inverters: Sequence[ModbusInverter],
    clock: SetClock,
    *,
    every_s: float = 300,
    known: Sequence[str] = (),
    told: list[str] | None = None,
    store_every_s: float = 4 * 3600,
    journal_type: type[PollJournal] = PollJournal,
    **settings: str,
) -> Iterator[ReadingLoop]:
    """Open a data folder and give the loop that reads inverters into it."""
    chosen = settings_of({"GIVLAKE_DATA": str(data), **settings})
    with open_lake(chosen) as lake:
        journal = journal_type(lake.folder)
        said = told if told is not None else []
        try:
            yield ReadingLoop(
                addresses=[InverterAddress("127.0.0.1", each.port) for each in inverters],
                every_s=every_s,
                known=frozenset(known),
                journal=journal,
                archive=PollArchive(lake, chosen, journal),
                clock=clock,
                tell=said.append,
                timing=QUICK,
                store_every_s=store_every_s,
            )
        finally:
            journal.close()


def read_for(
    data: Path,
    inverter: ModbusInverter,
    start: datetime,
    duration: timedelta,
    **options: object,
) -> list[str]:
    """Read an inverter for some time; return what was told."""
    told: list[str] = []
    clock = SetClock(start, start + duration)
    inverter.clock = clock.now
    with reading(data, [inverter], clock, told=told, **options) as loop:  # type: ignore[arg-type]
        loop.run()
    return told


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rows_of(
    data: Path, columns: str = "*", *, table: str = "inverter_data_points", order: str = "time"
) -> list[dict[str, Any]]:
    """Return the rows of a table or mart of a folder, usually all data points."""
    with Lake(data) as lake, connect(lake) as connection:
        found = connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")
        names = [each[0] for each in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
