"""A dataset's files as they will be after a change that is being staged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from warehouse.storage import live_parquet
from warehouse.storage.transaction import Manifest, Transaction
from warehouse.tables import TableSpec, partition_files
from warehouse.tables.merge import Indices


class StagedFiles:
    """Staged files over committed ones."""

    def __init__(self, root: Path, transaction: Transaction, manifest: Manifest | None) -> None:
        """Stage into ``change``, over the files of ``manifest`` (None: over nothing)."""
        self._root = root
        self.transaction = transaction
        self._committed = manifest.files if manifest is not None else {}

    def names(self, folder: str) -> list[str]:
        """Name the files below a folder."""
        names = self._committed.keys() | self.transaction.facts.keys()
        return sorted(name for name in names if name.startswith(f"{folder}/"))

    def paths(self, folder: str) -> Iterator[Path]:
        """Yield where the files below a folder are now."""
        for name in self.names(folder):
            yield self.transaction.staged.get(name, self._root / name)

    def table_rows(self) -> Iterator[tuple[str, int]]:
        """Yield each table file with its rows."""
        for name in self.names("tables"):
            yield name, self.row_count(name)

    def row_count(self, name: str) -> int:
        """Return the rows of a file; 0 where there is none."""
        fact = self.transaction.facts.get(name) or self._committed.get(name)
        return fact.rows if fact is not None else 0

    def read(self, name: str, schema: pa.Schema) -> pa.Table:
        """Read a file; no file is no rows."""
        path = self.transaction.staged.get(name)
        if path is None and name in self._committed:
            path = self._root / name
        return partition_files.read(path, schema)

    def write_table(
        self, name: str, spec: TableSpec, rows: pa.Table, order: Indices | None = None
    ) -> None:
        """Stage a file of a table."""
        path = self.transaction.path_for(name)
        partition_files.write(path, spec, rows, order, live=self.transaction.live(name))
        self.transaction.add(name, path, rows.num_rows if order is None else len(order))

    def write_index(self, name: str, rows: pa.Table) -> None:
        """Stage a file of the books."""
        path = self.transaction.path_for(name)
        live_parquet.write_table(path, rows, self.transaction.live(name))
        self.transaction.add(name, path, rows.num_rows)
