"""A process that works on the stores until it is killed; for the tests of kills and contention.

    python -m tests.support.stores_worker FOLDER WORK SEED [SECONDS [PAUSE_S]]

WORK is one of flush, put, catalogue, compact, rebuild, read. Each acknowledged response is printed,
``ack <response_id>``, after its flush. Without SECONDS it works until killed, pausing PAUSE_S after
each operation.
"""

from __future__ import annotations

import itertools
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from tests.support.toy_decoder import ToyDecoder, answer, day_rows, spec
from warehouse.archive import Entry, compact
from warehouse.catalogue import publish
from warehouse.connection import connect, execute
from warehouse.coverage import refresh_coverage
from warehouse.lake import Lake
from warehouse.tables.build import build, rebuild

DAYS = [date(2025, 6, 1) + timedelta(days=at) for at in range(40)]
DEVICES = ["A", "B", "C"]
POINTS = 24


def whole_day(random_: random.Random) -> Entry:
    """Return a response for a random device-day: the whole day, with values of one version."""
    device, day = random_.choice(DEVICES), random_.choice(DAYS)
    rows = day_rows(day, POINTS, power=1000 * random_.randint(0, 5))
    return answer(device, day, rows, fetched_at=datetime.now(UTC))


def flush(lake: Lake, random_: random.Random, rounds: int = 1) -> None:
    for _ in range(rounds):
        ids = [lake.archive.append([whole_day(random_)])[0] for _ in range(random_.randint(1, 4))]
        lake.archive.flush()
        for response_id in ids:
            print("ack", response_id, flush=True)


def put(lake: Lake, random_: random.Random) -> None:
    flush(lake, random_)
    build(lake, ToyDecoder())
    refresh_coverage(lake, [])


def catalogue(lake: Lake, random_: random.Random) -> None:
    names = random_.sample(["x", "y", "z"], 2)
    publish(lake, [*ToyDecoder().tables, *(spec(name=name) for name in names)])


def compacting(lake: Lake, random_: random.Random) -> None:
    flush(lake, random_, 3)
    compact(lake.archive)


def rebuilding(lake: Lake, random_: random.Random) -> None:
    flush(lake, random_)
    rebuild(lake, ToyDecoder())


def read(lake: Lake, random_: random.Random) -> None:
    """Check that each device-day is absent, or complete and of one version; counts never fall."""
    with connect(lake) as connection:
        broken = execute(
            connection,
            "SELECT meter, request_date, count(*) FROM readings GROUP BY ALL "
            "HAVING count(*) <> ? OR count(DISTINCT response_id) <> 1",
            [POINTS],
        ).fetchall()
        (count,) = execute(connection, "SELECT count(*) FROM readings").fetchone()  # type: ignore[misc]
        off = execute(
            connection,
            "SELECT count(*) FROM row_accounting "
            "WHERE rows_in <> new + identical + superseding + superseded + quarantined",
        ).fetchone()
        execute(connection, "SELECT count(*) FROM requests").fetchone()
        execute(connection, "SELECT count(*) FROM coverage").fetchone()
    seen = getattr(read, "seen", 0)
    if broken or count < seen or off != (0,):
        print("BROKEN", broken[:2], seen, count, off, flush=True)
        raise SystemExit(1)
    read.seen = count  # type: ignore[attr-defined]
    print("read", count, flush=True)


WORK: dict[str, Callable[[Lake, random.Random], None]] = {
    "flush": flush,
    "put": put,
    "catalogue": catalogue,
    "compact": compacting,
    "rebuild": rebuilding,
    "read": read,
}


def until(seconds: float | None) -> Iterator[int]:
    deadline = time.monotonic() + seconds if seconds else float("inf")
    return itertools.takewhile(lambda _: time.monotonic() < deadline, itertools.count())


def main(folder: str, work: str, seed: str, seconds: str = "0", pause_s: str = "0") -> None:
    random_ = random.Random(int(seed))
    with Lake(folder) as lake:
        print("ready", flush=True)
        for _ in until(float(seconds)):
            WORK[work](lake, random_)
            time.sleep(float(pause_s))
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
