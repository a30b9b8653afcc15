"""The data dictionary, written from the schemas: `python -m assets.framework.dictionary FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from assets.framework.dataset import Dataset
from assets.framework.schema import arrow_type_of, source_of
from assets.registry import datasets


def dictionary() -> str:
    """Describe every table and column in Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Made from the schemas by `make dictionary`. Times named `…_at` or `time` are UTC. A leaf",
        "is a path in a row of the answer.",
    ]
    for dataset in datasets():
        lines += ["", *_table(dataset)]
    return "\n".join(lines) + "\n"


def _table(dataset: Dataset) -> Iterator[str]:
    yield f"## {dataset.table}"
    yield ""
    yield f"{dataset.description} Source: `{dataset.endpoint.method} {dataset.endpoint.path}`."
    yield f"One row for each {' and '.join(f'`{name}`' for name in dataset.key)}."
    if dataset.lateness_days is not None:
        days = f"{dataset.lateness_days} day{'' if dataset.lateness_days == 1 else 's'}"
        yield f"Asked for by day; a day can change until {days} after its end."
    yield ""
    yield "| column | type | JSON leaf | what it is |"
    yield "|---|---|---|---|"
    for name, column in dataset.schema.columns.items():
        source = f"`{source_of(column)}`" if source_of(column) else ""
        kind = str(arrow_type_of(column)).replace("|", "\\|")
        needed = "" if column.nullable else " Never null."
        yield f"| `{name}` | {kind} | {source} | {column.title}. {column.description}{needed} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(dictionary())
