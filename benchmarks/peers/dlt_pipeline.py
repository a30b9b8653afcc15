"""Work A with dlt into DuckDB. Runs in an environment of its own, which has dlt only.

    python -m benchmarks.peers.dlt_pipeline WORK FOLDER

dlt's own client retries; its extraction runs eight requests at once. It loads Parquet files: with
the INSERT statements that are its default it takes five times the CPU and ten times the memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.work import Task, has_next, read_work, rows_of, tasks

_SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "EXTRACT__WORKERS": "8"}


def main(file: str, folder: str) -> None:
    """Run the pipeline once."""
    os.environ.update(_SETTINGS)
    dlt: Any = import_module("dlt")
    requests: Any = import_module("dlt.sources.helpers.requests")
    work = read_work(file)
    session = requests.Client().session
    session.headers["Authorization"] = f"Bearer {work['token']}"
    session.headers["Accept"] = "application/json"

    def pages(task: Task) -> Iterator[dict[str, Any]]:
        page, more = 0, True
        while more:
            page += 1
            answer = session.request(
                "GET" if task.body is None else "POST",
                f"{work['url']}/{task.path}",
                params={**task.query, "page": page} if task.body is None else None,
                json=task.body,
            )
            content = answer.json()
            more = has_next(content)
            yield content

    def fetch(task: Task) -> list[dict[str, Any]]:
        return [row for content in pages(task) for row in rows_of(task, content)]

    deferred = dlt.defer(fetch)

    def resource(name: str, chosen: list[Task]) -> Any:
        # Lists stay in a column, as in the tables that the others write.
        return dlt.resource(
            lambda: (deferred(task) for task in chosen),
            name=name,
            write_disposition="append",
            max_table_nesting=0,
        )

    groups: dict[str, list[Task]] = {}
    for task in tasks(work):
        groups.setdefault(task.table, []).append(task)
    pipeline = dlt.pipeline(
        "work_a",
        pipelines_dir=str(Path(folder) / "pipelines"),
        destination=dlt.destinations.duckdb(str(Path(folder) / "rows.duckdb")),
        dataset_name="work_a",
    )
    pipeline.run(
        [resource(name, chosen) for name, chosen in groups.items()], loader_file_format="parquet"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
