"""Staging of a dataset's row accounting, quarantine and drift, in the transaction of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from warehouse.accounting.drift import DRIFT_SCHEMA, merge_drift
from warehouse.accounting.quarantine import (
    STORED_QUARANTINE_SCHEMA,
    entry_digests,
    merge_quarantine,
)
from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.interface.decoder_protocol import Drift
from warehouse.storage.parquet_files import TAIL_ROWS
from warehouse.tables.staged_files import StagedFiles


class AccountingFiles:
    """The files of one dataset.

    Attributes:
        folders: Folders of the row accounting and the quarantine.
    """

    def __init__(self, root: Path, dataset: str) -> None:
        """Refer to the files of `dataset` in the data folder `root`."""
        self._root = root
        self._quarantine_folder = f"index/quarantine/{dataset}"
        self._accounting_folder = f"index/row_accounting/{dataset}"
        self._drift_file = f"index/drift/{dataset}.parquet"
        self.folders = (self._quarantine_folder, self._accounting_folder)

    def add_quarantine(self, staged: StagedFiles, file: str, rows: pa.Table) -> None:
        """Stage a quarantine file with more rows."""
        name = f"{self._quarantine_folder}/{file}"
        stored = staged.read(name, STORED_QUARANTINE_SCHEMA)
        staged.write_index(name, merge_quarantine(stored, rows))

    def add_drift(self, staged: StagedFiles, drift: Iterable[Drift]) -> None:
        """Stage the drift file with more drift."""
        stored = staged.read(self._drift_file, DRIFT_SCHEMA)
        staged.write_index(self._drift_file, merge_drift(stored, drift))

    def add_accounting(self, staged: StagedFiles, accounting: pa.Table) -> None:
        """Stage rows of the accounting: append them to the last part if it is small."""
        parts = staged.names(self._accounting_folder)
        last = max((int(Path(name).stem.removeprefix("part-")) for name in parts), default=1)
        name = f"{self._accounting_folder}/part-{last:06d}.parquet"
        if staged.row_count(name) >= TAIL_ROWS:
            name = f"{self._accounting_folder}/part-{last + 1:06d}.parquet"
        stored = staged.read(name, ACCOUNTING_SCHEMA)
        staged.write_index(name, pa.concat_tables([stored, accounting]))

    def returned_from_quarantine(self, staged: StagedFiles) -> int:
        """Count the rows that are quarantined now and are not in the staged files."""
        old = entry_digests(self._root.glob(f"{self._quarantine_folder}/*/*.parquet"))
        new = entry_digests(staged.paths(self._quarantine_folder))
        return int((~np.isin(old, new)).sum())
