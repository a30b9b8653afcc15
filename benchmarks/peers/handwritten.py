"""A careful hand-written loop over Work A, as one keeps it for years.

    python -m benchmarks.peers.handwritten WORK FOLDER

Eight connections, retries, typed columns, a Parquet file of each month that the same rows replace,
and a file of state with the requests that are done, so that a second run fetches nothing.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import requests

from benchmarks.ingest.bare_loop import flatten
from benchmarks.peers.work import (
    EVENTS,
    FLOWS,
    POINTS,
    READINGS,
    Task,
    has_next,
    read_work,
    rows_of,
    tasks,
)

_CONNECTIONS = 8
_TRIES = 5
_UTC = pa.timestamp("us", tz="UTC")
_FLOW_FIELDS = [(str(number), pa.float64()) for number in range(7)]
_SCHEMAS = {
    FLOWS: pa.schema(
        [
            ("device", pa.string()),
            ("start_time", pa.string()),
            ("end_time", pa.string()),
            ("data", pa.struct(_FLOW_FIELDS)),
        ]
    ),
    EVENTS: pa.schema(
        [
            ("device", pa.string()),
            ("event", pa.string()),
            ("start_time", pa.string()),
            ("end_time", pa.string()),
        ]
    ),
    READINGS: pa.schema(
        [
            ("device", pa.string()),
            ("meter_id", pa.int64()),
            ("timestamp", pa.string()),
            ("measurand", pa.int64()),
            ("value", pa.float64()),
            ("unit", pa.int64()),
        ]
    ),
}
_TIMES = {POINTS: "time", FLOWS: "start_time", EVENTS: "start_time", READINGS: "timestamp"}


class Fetcher:
    """Fetches all pages of a request, with a session of each thread."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._sessions = threading.local()

    def fetch(self, task: Task) -> tuple[Task, pa.Table]:
        """Return the typed rows of a request."""
        return task, pa.concat_tables(typed(task, page) for page in self._pages(task))

    def _pages(self, task: Task) -> Iterator[dict[str, Any]]:
        page, more = 0, True
        while more:
            page += 1
            answer = self._ask(task, page)
            more = has_next(answer)
            yield answer

    def _ask(self, task: Task, page: int) -> dict[str, Any]:
        if not hasattr(self._sessions, "one"):
            self._sessions.one = requests.Session()
            self._sessions.one.headers["Authorization"] = f"Bearer {self._token}"
            self._sessions.one.headers["Accept"] = "application/json"
        for attempt in range(_TRIES):
            answer = self._sessions.one.request(
                "GET" if task.body is None else "POST",
                f"{self._url}/{task.path}",
                params={**task.query, "page": page} if task.body is None else None,
                json=task.body,
                timeout=60,
            )
            if answer.status_code == requests.codes.ok:
                content: dict[str, Any] = msgspec.json.decode(answer.content)
                return content
            if answer.status_code < 500 and answer.status_code != requests.codes.too_many_requests:
                break
            time.sleep(float(answer.headers.get("Retry-After", 2**attempt)))
        answer.raise_for_status()
        raise SystemExit(f"{answer.url}: {answer.status_code}")


def typed(task: Task, answer: dict[str, Any]) -> pa.Table:
    """Return the rows of a page in typed columns."""
    rows = rows_of(task, answer)
    if task.table == POINTS:
        return flatten(task.device, rows)
    table = pa.Table.from_pylist(rows, schema=_SCHEMAS[task.table])
    if task.table == EVENTS:
        for name in ("start_time", "end_time"):
            table = replaced(table, name, table[name].cast(_UTC))
    if task.table == READINGS:
        local = table["timestamp"].cast(pa.timestamp("us"))
        table = replaced(table, "timestamp", pc.assume_timezone(local, "UTC"))
    return table


def replaced(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    """Return a table with another column in a column's place."""
    return table.set_column(table.column_names.index(name), name, column)


def write_months(folder: Path, name: str, parts: list[pa.Table]) -> None:
    """Add rows to the file of each month, in place of those at the same times."""
    rows = pa.concat_tables(parts)
    times = rows[_TIMES[name]]
    is_text = pa.types.is_string(times.type)
    months = pc.utf8_slice_codeunits(times if is_text else pc.cast(times, pa.string()), 0, 7)
    for month in pc.unique(months).to_pylist():
        path = folder / name / f"month-{month}.parquet"
        new = rows.filter(pc.equal(months, month))
        if path.exists():
            old = pq.read_table(path)
            is_new = pc.is_in(keys(old, name), pc.unique(keys(new, name)))
            new = pa.concat_tables([old.filter(pc.invert(is_new)), new])
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as file:
            pq.write_table(new, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def keys(rows: pa.Table, name: str) -> pa.ChunkedArray:
    """Return device and time of each row as a text."""
    return pc.binary_join_element_wise(rows[0], pc.cast(rows[_TIMES[name]], pa.string()), " ")


def main(file: str, folder: str) -> None:
    """Fetch what the state does not name; write each table's months; then write the state."""
    work, root = read_work(file), Path(folder)
    state = root / "state.json"
    done = set(json.loads(state.read_text())) if state.exists() else set()
    chosen = [task for task in tasks(work) if key(task) not in done]
    groups: dict[str, list[Task]] = defaultdict(list)
    for task in chosen:
        groups[task.table].append(task)
    fetcher = Fetcher(work["url"], work["token"])
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for name, group in groups.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            found = list(pool.map(fetcher.fetch, group))
            write_months(root, name, [rows for _, rows in found])
            done |= {key(task) for task, _ in found}
            state.write_text(json.dumps(sorted(done)))


def key(task: Task) -> str:
    """Return what names a request in the state."""
    return f"{task.path} {task.day} {task.query.get('cleared', '')}"


if __name__ == "__main__":
    main(*sys.argv[1:])
