"""The clock of the tests and of the processes they start: a fixed moment, independent of today.

`pytest --clock 2025-10-26T00:05+01:00` selects another moment. The clock ticks. Each test starts at
the moment again, so that earlier tests do not move it past midnight. In a module with shared
fixtures, time continues from test to test; if that would pass midnight, as on a slow machine, a
test starts at the time when the last shared fixture was created.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from givenergy.server_clock import correct_clock
from tests.support.processes.moved_clock import CLOCK, machine_time

LONDON = ZoneInfo("Europe/London")
SHIFT = "TEST_CLOCK_SHIFT_S"
PROCESSES = Path(__file__).with_name("processes")

# A weekday in British summer, before noon: local days differ from UTC days. It is in the past, as
# files have the machine's times: files being written must not look abandoned.
DEFAULT = "2026-06-17T11:40+01:00"

# Most tests with fixed days use the first half of 2025 and assume that these days are long over.
EARLIEST = "2025-10-01T00:00+00:00"

NOTABLE = {
    "spring, before the skipped hour": "2026-03-29T00:05+00:00",
    "spring, after the skipped hour": "2026-03-29T02:05+01:00",
    "autumn, the first hour of the day": "2025-10-26T00:05+01:00",
    "autumn, the repeated hour, first": "2025-10-26T01:30+01:00",
    "autumn, the repeated hour, second": "2025-10-26T01:30+00:00",
    "the last minutes of a month": "2026-01-31T23:55+00:00",
    "a month's first minutes, in UTC still its last day": "2026-05-01T00:05+01:00",
    "a day of 29 February": "2024-02-29T12:00+00:00",
    "the last minutes of a year": "2025-12-31T23:55+00:00",
    "the first minutes of a year": "2026-01-01T00:05+00:00",
}


# Time that a test needs before midnight.
LONGEST_TEST = timedelta(minutes=2)


@dataclass
class _Session:
    """Start of this process' tests, and creation time of a module's last shared fixture."""

    moment: datetime | None = None
    module: object = None
    shared_at: datetime | None = None


_SESSION = _Session()


def moment_of(text: str) -> datetime:
    """Return the moment of a text, checked: all tests must be able to run at it.

    Raises:
        ValueError: it has no zone, is in the future, or before days that tests assume to be over.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone: add +00:00 for UTC, +01:00 for British summer time")
    if moment.timestamp() > machine_time():
        raise ValueError(
            f"{text} is in the future: files have the machine's times and would look abandoned"
        )
    if moment < datetime.fromisoformat(EARLIEST):
        raise ValueError(f"{text} is before {EARLIEST}: tests assume that earlier days are over")
    return moment


def begin(moment: datetime) -> None:
    """Set the moment of this process' tests; the clock is stopped until the first test."""
    _SESSION.moment = moment
    _move(moment.timestamp() - machine_time(), ticking=False)


def start_test(module: object) -> None:
    """Set the clock to the moment, unless the module has shared fixtures created after it.

    What an earlier test has learnt of a simulator's time is forgotten.
    """
    correct_clock(0.0)
    if module != _SESSION.module:
        _SESSION.module, _SESSION.shared_at = module, None
    begin = _SESSION.shared_at or _SESSION.moment
    if begin is not None and (_SESSION.shared_at is None or _passes_midnight(begin)):
        _move(begin.timestamp() - machine_time())


def keep_on() -> None:
    """Record that the module has a shared fixture: time continues from test to test."""
    _SESSION.shared_at = datetime.now(UTC)


def _passes_midnight(begin: datetime) -> bool:
    later = datetime.now(UTC) + LONGEST_TEST
    return any(later.astimezone(z).date() != begin.astimezone(z).date() for z in (UTC, LONDON))


@contextlib.contextmanager
def at(moment: datetime | str | None) -> Iterator[datetime]:
    """Move the clock of this process and of its child processes; restore it afterwards.

    Args:
        moment: The new time; None: the machine's time.
    """
    before = CLOCK.shift_s
    if moment is None:
        _move(None)
    else:
        moment = moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)
        _move(moment.timestamp() - machine_time())
    try:
        yield datetime.now(UTC)
    finally:
        _move(before)


def _move(shift_s: float | None, *, ticking: bool = True) -> None:
    CLOCK.move(shift_s, ticking=ticking)
    folders = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    folders = [one for one in folders if one != str(PROCESSES)]
    if shift_s is None:
        os.environ.pop(SHIFT, None)
    else:
        os.environ[SHIFT] = repr(shift_s)
        folders.insert(0, str(PROCESSES))
    if folders:
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    else:
        os.environ.pop("PYTHONPATH", None)


def at_moments(*moments: str, slow: Collection[str] = ()) -> pytest.MarkDecorator:
    """Run a test at each of the given moments.

    Args:
        *moments: Names in `NOTABLE`, or ISO texts.
        slow: The moments whose cases have the marker `slow`.
    """
    chosen = [
        pytest.param(
            NOTABLE.get(name, name),
            id=NOTABLE.get(name, name),
            marks=[pytest.mark.slow] if name in slow else [],
        )
        for name in moments
    ]
    return pytest.mark.parametrize("moment", chosen, indirect=True)


at_notable_moments = at_moments(*NOTABLE)
