"""A dataset's files as they will be after the current transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from warehouse.interface.table_spec import TableSpec
from warehouse.storage import live_parquet, parquet_files
from warehouse.storage.transaction import Manifest, Transaction
from warehouse.tables import partition_files
from warehouse.tables.merge import Indices


class StagedFiles:
    """Staged files over committed ones."""

    def __init__(self, root: Path, transaction: Transaction, manifest: Manifest | None) -> None:
        """Stage into `transaction`, over the files of `manifest` (None: no files)."""
        self._root = root
        self.transaction = transaction
        self._committed = manifest.files if manifest is not None else {}

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a folder."""
        names = self._committed.keys() | self.transaction.facts.keys()
        return sorted(name for name in names if name.startswith(f"{folder}/"))

    def paths(self, folder: str) -> Iterator[Path]:
        """Yield the current paths of the files below a folder."""
        for name in self.names(folder):
            yield self.transaction.staged.get(name, self._root / name)

    def table_rows(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the number of rows of each table file."""
        for name in self.names("tables"):
            yield name, self.row_count(name)

    def row_count(self, name: str) -> int:
        """Return the number of rows of a file; 0 if it does not exist."""
        fact = self.transaction.facts.get(name) or self._committed.get(name)
        return fact.rows if fact is not None else 0

    def read(self, name: str, schema: pa.Schema) -> pa.Table:
        """Read a file; a file that does not exist has no rows."""
        path = self.transaction.staged.get(name)
        if path is None and name in self._committed:
            path = self._root / name
        return parquet_files.read(path, schema)

    def write_table(
        self, name: str, spec: TableSpec, rows: pa.Table, order: Indices | None = None
    ) -> None:
        """Stage a file of a table."""
        path = self.transaction.path_for(name)
        partition_files.write(path, spec, rows, order, live=self.transaction.live(name))
        self.transaction.add(name, path, rows.num_rows if order is None else len(order))

    def write_index(self, name: str, rows: pa.Table) -> None:
        """Stage a file of an index or of the accounting."""
        path = self.transaction.path_for(name)
        live_parquet.write_table(path, rows, self.transaction.live(name))
        self.transaction.add(name, path, rows.num_rows)
