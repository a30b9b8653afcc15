"""A bare loop over Work A: fetch, flatten, write a Parquet file of each request.

    python -m benchmarks.peers.bare WORK FOLDER CONNECTIONS

No archive, no validation, no retry, no budget, no state.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import requests

from benchmarks.ingest.bare_loop import flatten
from benchmarks.peers.work import POINTS, Task, has_next, read_work, rows_of, tasks


def main(file: str, folder: str, connections: str) -> None:
    """Fetch and write everything, with so many threads."""
    work = read_work(file)
    sessions = threading.local()

    def fetch(number: int, task: Task) -> None:
        if not hasattr(sessions, "one"):
            sessions.one = requests.Session()
            sessions.one.headers["Authorization"] = f"Bearer {work['token']}"
            sessions.one.headers["Accept"] = "application/json"
        method = "GET" if task.body is None else "POST"
        page, tables, more = 0, [], True
        while more:
            page += 1
            query = {**task.query, "page": page} if task.body is None else None
            answer = sessions.one.request(
                method, f"{work['url']}/{task.path}", params=query, json=task.body, timeout=60
            )
            answer.raise_for_status()
            content = msgspec.json.decode(answer.content)
            more = has_next(content)
            tables.append(table_of(task, content))
        rows = pa.concat_tables(tables, promote_options="permissive")
        if rows.num_rows:  # a file needs columns, which come from the rows
            pq.write_table(rows, Path(folder) / task.table / f"part-{number}.parquet")

    chosen = list(tasks(work))
    for name in {task.table for task in chosen}:
        (Path(folder) / name).mkdir(parents=True)
    with ThreadPoolExecutor(int(connections)) as pool:
        for done in [pool.submit(fetch, *one) for one in enumerate(chosen)]:
            done.result()


def table_of(task: Task, content: dict[str, object]) -> pa.Table:
    """Return the rows of a page as a table."""
    rows = rows_of(task, content)
    return flatten(task.device, rows) if task.table == POINTS else pa.Table.from_pylist(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
