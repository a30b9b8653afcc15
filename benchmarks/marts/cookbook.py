"""Write the answers of `docs/cookbook.md`: the results of its SQL on the cookbook's account.

    python -m benchmarks.marts.cookbook FOLDER

FOLDER is emptied first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.common import ROOT, parser, row
from benchmarks.marts.account import cookbook_account

COOKBOOK = ROOT / "docs/cookbook.md"
# A block of SQL, and the table of its answer.
ANSWERED = re.compile(r"```sql\n(?P<sql>.*?)\n```\n(?:\n(?P<answer>(?:\|[^\n]*\n)+))?", re.DOTALL)


def answers(document: str, data: Path) -> Iterator[tuple[str, str, str]]:
    """Yield each block of SQL in a document, its answer there, and its answer on a data folder.

    Args:
        document: Markdown.
        data: The data folder.
    """
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for block in ANSWERED.finditer(document):
            found = connection.sql(block["sql"])
            yield block["sql"], block["answer"] or "", table(found.columns, found.fetchall())


def table(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    """Return a Markdown table."""
    cells = [row(*columns), row(*("---" for _ in columns))]
    return "".join(f"{line}\n" for line in [*cells, *(row(*map(_text, one)) for one in rows)])


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(" ", "minutes")
        case float():
            return f"{value + 0:g}" if abs(value) < 1e5 else f"{value:.0f}"
        case _:
            return str(value)


def main() -> None:
    """Write the answers."""
    options = parser(__doc__)
    options.add_argument("folder", type=Path)
    document = COOKBOOK.read_text()
    with cookbook_account(options.parse_args().folder) as (_, owner):
        found = iter(answers(document, owner.data))
        COOKBOOK.write_text(
            ANSWERED.sub(lambda block: f"```sql\n{block['sql']}\n```\n\n{next(found)[2]}", document)
        )


if __name__ == "__main__":
    main()
