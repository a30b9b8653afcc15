"""Findings: days on which figures that should agree do not, as the last comparison found them.

Comparisons read every row of a month, so that their results are stored. `month_digests` tells which
months have changed since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.lake import Lake, file_set_name
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import fsync_file, is_refused, publish
from warehouse.storage.file_locks import FileLock
from warehouse.storage.parquet_files import empty_table
from warehouse.storage.transaction import Manifest

FINDINGS_FILE = "index/findings.parquet"
_UTC = pa.timestamp("us", tz="UTC")
_STATE = b"compared_months"
_MONTH = re.compile(r"/month=(\d{4}-\d\d)/")


FINDINGS_SCHEMA = pa.schema(
    [
        arrow_field("check", pa.string(), "Name of the view of the comparison, or gaps"),
        arrow_field("device_id", pa.string(), "Device"),
        arrow_field("day", pa.date32(), "Day"),
        arrow_field("item", pa.string(), "Compared counter, flow or energy; cause of a gap"),
        arrow_field("deviation", pa.float64(), "Deviation in the unit of the view; hours of gaps"),
        arrow_field("found_at", _UTC, "When it was found first"),
    ]
)
# For each comparison the months compared, with a hash of the rows of that time.
ComparedMonths = Mapping[str, Mapping[str, str]]


def read_findings(lake: Lake) -> tuple[pa.Table, ComparedMonths]:
    """Return the stored findings, and the months in which they were looked for.

    A file that is missing or damaged has none: all months are compared again.
    """
    path = lake.folder / FINDINGS_FILE
    try:
        rows = pq.ParquetFile(path).read()
        state = json.loads((rows.schema.metadata or {})[_STATE])
        return rows.select(FINDINGS_SCHEMA.names).cast(FINDINGS_SCHEMA), state
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        if is_refused(error):
            raise
        return empty_table(FINDINGS_SCHEMA), {}


def write_findings(lake: Lake, rows: pa.Table, compared: ComparedMonths) -> None:
    """Replace the stored findings."""
    metadata = {_STATE: json.dumps(compared, sort_keys=True).encode()}
    temporary = lake.scratch / "findings"
    pq.write_table(rows.replace_schema_metadata(metadata), temporary)
    fsync_file(temporary)
    publish(temporary, lake.folder / FINDINGS_FILE)


def findings_lock(lake: Lake) -> FileLock:
    """Return the lock to hold from reading the findings to writing them."""
    return FileLock(lake.folder / "locks" / "findings")


def erase_findings(lake: Lake) -> None:
    """Remove the stored findings; the next comparison looks at all months."""
    with findings_lock(lake):
        # Without rows instead of removed, since the catalogue has a view of it.
        temporary = lake.scratch / "findings"
        pq.write_table(empty_table(FINDINGS_SCHEMA), temporary)
        fsync_file(temporary)
        publish(temporary, lake.folder / FINDINGS_FILE)


def month_digests(lake: Lake, tables: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a hash of the rows of each month of some tables; "" has tables without months.

    Args:
        lake: The data folder.
        tables: Dataset and name of each table.
    """
    parts: dict[str, list[str]] = {}
    for dataset, table in tables:
        manifest = lake.file_set(file_set_name(dataset)).manifest() or Manifest()
        for name in manifest.below(f"tables/{table}/"):
            fact = manifest.files[name]
            if fact.rows:
                found = _MONTH.search(name)
                parts.setdefault(found[1] if found else "", []).append(f"{name} {fact.content}")
    return {
        month: hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:16]
        for month, files in parts.items()
    }
