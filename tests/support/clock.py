"""The clock that tests run at, in every process they start: a fixed moment, never today's.

`pytest --clock 2025-10-26T00:05+01:00` runs them at another one. The clock ticks. Each test starts
at the moment anew, so that none that starts five minutes before midnight is pushed over it by those
that ran before. In a module whose tests share fixtures time goes on from one to the next; where
that would lead over midnight, as on a slow machine, a test starts when the last of these was made.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.processes.moved_clock import CLOCK, machine_time

LONDON = ZoneInfo("Europe/London")
SHIFT = "TEST_CLOCK_SHIFT_S"
PROCESSES = Path(__file__).with_name("processes")

# A working day of British summer, before noon: local days are not those of UTC. It lies in the
# past, as files get the machine's times: what is being written must not look long abandoned.
DEFAULT = "2026-06-17T11:40+01:00"

# Most tests of fixed days have them in the first half of 2025 and take them as long over.
EARLIEST = "2025-10-01T00:00+00:00"

NOTABLE = {
    "spring, before the hour that is left out": "2026-03-29T00:05+00:00",
    "spring, after the hour that is left out": "2026-03-29T02:05+01:00",
    "autumn, the first hour of the day": "2025-10-26T00:05+01:00",
    "autumn, the hour that comes twice, first": "2025-10-26T01:30+01:00",
    "autumn, the hour that comes twice, again": "2025-10-26T01:30+00:00",
    "the last minutes of a month": "2026-01-31T23:55+00:00",
    "a month's first minutes, in UTC still its last day": "2026-05-01T00:05+01:00",
    "a day of 29 February": "2024-02-29T12:00+00:00",
    "the last minutes of a year": "2025-12-31T23:55+00:00",
    "the first minutes of a year": "2026-01-01T00:05+00:00",
}


# What a test may take before midnight.
LONGEST_TEST = timedelta(minutes=2)


@dataclass
class _Session:
    """Where tests of this process start, and when the last of what a module's share was made."""

    moment: datetime | None = None
    module: object = None
    shared_at: datetime | None = None


_SESSION = _Session()


def moment_of(text: str) -> datetime:
    """Read a moment at which all tests can run, with its zone.

    Raises:
        ValueError: it has no zone, lies ahead, or before the days that tests have as over.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone: add +00:00 for UTC, +01:00 for British summer time")
    if moment.timestamp() > machine_time():
        raise ValueError(
            f"{text} lies ahead: files have the machine's times and would look long abandoned"
        )
    if moment < datetime.fromisoformat(EARLIEST):
        raise ValueError(f"{text} lies before {EARLIEST}: days that tests have as over are to come")
    return moment


def begin(moment: datetime) -> None:
    """Let this process run tests at a moment; until the first begins, its clock stands still."""
    _SESSION.moment = moment
    _move(moment.timestamp() - machine_time(), ticking=False)


def start_test(module: object) -> None:
    """Go (back) to the moment, unless the module's tests share what was made after it."""
    if module != _SESSION.module:
        _SESSION.module, _SESSION.shared_at = module, None
    begin = _SESSION.shared_at or _SESSION.moment
    if begin is not None and (_SESSION.shared_at is None or _leads_over_midnight(begin)):
        _move(begin.timestamp() - machine_time())


def keep_on() -> None:
    """From now on this module's tests share something: for them time goes on."""
    _SESSION.shared_at = datetime.now(UTC)


def _leads_over_midnight(begin: datetime) -> bool:
    later = datetime.now(UTC) + LONGEST_TEST
    return any(later.astimezone(z).date() != begin.astimezone(z).date() for z in (UTC, LONDON))


@contextlib.contextmanager
def at(moment: datetime | str | None) -> Iterator[datetime]:
    """Move the clock of this process and of those it starts; back afterwards.

    Args:
        moment: When; None: the machine's time.
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
    """Run a test at each of some moments, by the names or the texts that they have here.

    Args:
        *moments: When.
        slow: Those of them that have the marker `slow`.
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
