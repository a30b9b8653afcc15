"""The time of a table's newest row, from the statistics of its files."""

from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake, file_set_name
from warehouse.storage.parquet_files import read_errors_as_damage
from warehouse.storage.transaction import Manifest


def newest_time(lake: Lake, dataset: str, spec: TableSpec) -> datetime | None:
    """Return the newest time in a table, UTC; None without rows or without a column for it.

    Only footers of the newest month's files are read, however much there is.

    Args:
        lake: The data folder.
        dataset: The dataset that the table belongs to.
        spec: The table.

    Raises:
        DamagedError: A file cannot be read.
    """
    if spec.time_column is None:
        return None
    manifest = lake.file_set(file_set_name(dataset)).manifest() or Manifest()
    names = [name for name in manifest.below(f"{spec.folder}/month=") if manifest.files[name].rows]
    newest_month = max((Path(name).parent for name in names), default=None)
    files = (lake.folder / name for name in names if Path(name).parent == newest_month)
    return max(filter(None, (_newest_in(file, spec.time_column) for file in files)), default=None)


def _newest_in(file: Path, column: str) -> datetime | None:
    """Return the greatest value of a column; None if the file has been replaced by others."""
    try:
        with read_errors_as_damage(file):
            footer = pq.read_metadata(file)
    except FileNotFoundError:
        return None
    index = footer.schema.names.index(column)
    groups = (footer.row_group(number).column(index) for number in range(footer.num_row_groups))
    found = (group.statistics.max for group in groups if group.is_stats_set)
    return max(found, default=None)
