"""One build of one dataset: read, decode, merge, account, commit.

`build` decides whether to append to the tables or to rebuild them.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.accounting import quarantine
from warehouse.accounting.row_accounting import RowAccounting
from warehouse.archive.missing_segments import (
    MISSING_FACT,
    describe,
    missing_segments,
    unaccepted_losses,
)
from warehouse.errors import StoreError
from warehouse.index import watermarks
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoder, Drift, fingerprints
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake
from warehouse.storage.layout import LAYOUT_VERSION
from warehouse.storage.parquet_files import empty_table
from warehouse.storage.spill import Spill
from warehouse.storage.transaction import FileSet, Manifest, Transaction
from warehouse.tables import partition_files
from warehouse.tables.accounting_files import AccountingFiles
from warehouse.tables.build_report import BuildReport, Limits
from warehouse.tables.merge import DUPLICATE, IDENTICAL, NEW, SUPERSEDED, SUPERSEDING, merge
from warehouse.tables.scd2_tables import Scd2Tables
from warehouse.tables.staged_files import StagedFiles
from warehouse.zone_corrections import STATE_NAME as ZONE_CORRECTIONS
from warehouse.zone_corrections import corrected, stored_corrections

_CLASSES = {
    "new": NEW,
    "identical": IDENTICAL,
    "superseding": SUPERSEDING,
    "superseded": SUPERSEDED,
    "quarantined": DUPLICATE,
}


class TableBuilder:
    """One build of one dataset; use while holding the lock of its file set."""

    def __init__(self, lake: Lake, decoder: Decoder, file_set: FileSet, limits: Limits) -> None:
        """Prepare a build without reading or writing anything."""
        self._lake = lake
        self._decoder = decoder
        self._file_set = file_set
        self._limits = limits
        self._specs = {spec.name: spec for spec in decoder.tables}
        self._report = BuildReport(decoder.dataset)
        self._corrections = stored_corrections(lake.state)
        self._scd2 = Scd2Tables(decoder)
        self._accounting_files = AccountingFiles(lake.folder, decoder.dataset)

    def append(self, manifest: Manifest, up_to: int | None) -> BuildReport:
        """Add the segments above the watermark of the manifest to the tables."""
        target = self._target(up_to)
        if target < manifest.watermark and up_to is None:
            self._report.damage.append(self._truncation_message(target, manifest.watermark))
        while manifest.watermark < target:
            transaction = self._file_set.begin()
            staged = StagedFiles(self._lake.folder, transaction, manifest)
            self._scd2.resume_from(manifest.facts.get("folded", {}))
            watermark = self._stage_segments(staged, manifest.watermark, target)
            manifest = self._commit(transaction, manifest, watermark)
        self._report.watermark = manifest.watermark
        return self._report

    def rebuild(self, old: Manifest, reason: str | None, up_to: int | None) -> BuildReport:
        """Stage all files, then replace the old ones in one commit."""
        target = self._target(up_to)
        self._report.rebuilt_because = reason
        if target < old.watermark and up_to is None:
            self._report.damage.append(self._truncation_message(target, old.watermark))
        if lost := unaccepted_losses(self._lake.archive):
            self._report.damage.append(
                f"{describe(lost)} missing: the tables of {self._decoder.dataset} are built "
                "without their rows; restore the missing archive files from a copy"
            )
        transaction = self._file_set.begin()
        staged = StagedFiles(self._lake.folder, transaction, None)
        watermark = 0
        while watermark < target:
            watermark = self._stage_segments(staged, watermark, target)
        # Last, so that a view created for the old schema does not bind to the new one too early.
        for spec in self._specs.values():
            for folder, versions in spec.folders:
                no_rows = empty_table(partition_files.stored_schema(spec, versions=versions))
                staged.write_table(f"{folder}/{partition_files.SCHEMA_FILE}", spec, no_rows)
        self._report.returned_from_quarantine = self._accounting_files.returned_from_quarantine(
            staged
        )
        for name in self._old_files(old) - transaction.facts.keys():
            transaction.remove(name)
        transaction.keep_equal(old)
        self._report.watermark = self._commit(transaction, Manifest(), target).watermark
        return self._report

    def _target(self, up_to: int | None) -> int:
        return self._lake.archive.last_segment() if up_to is None else up_to

    def _truncation_message(self, target: int, watermark: int) -> str:
        return (
            f"the archive ends at segment {target} and the tables of {self._decoder.dataset} hold "
            f"segments up to {watermark}: restore the missing archive files from a copy"
        )

    def _commit(self, transaction: Transaction, manifest: Manifest, watermark: int) -> Manifest:
        facts = {
            "decoder_version": self._decoder.version,
            "fingerprints": fingerprints(self._decoder),
            "layout": LAYOUT_VERSION,
            "folded": self._scd2.folded,
            MISSING_FACT: missing_segments(self._lake.archive),
            ZONE_CORRECTIONS: self._corrections,
        }
        watermarks.stage(transaction, self._decoder.dataset, watermark, facts)
        return transaction.commit(Manifest(watermark, facts, manifest.files))

    def _old_files(self, old: Manifest) -> set[str]:
        """Return the names of the old files, including those that the manifest does not list."""
        folders = list(self._accounting_files.folders)
        for spec in self._specs.values():
            folders += [spec.folder, spec.superseded_folder]
        root = self._lake.folder
        paths = (path for folder in folders for path in (root / folder).rglob("*.parquet"))
        return {str(path.relative_to(root)) for path in paths} | old.files.keys()

    # -- between two commits -----------------------------------------------------------------

    def _stage_segments(self, staged: StagedFiles, after: int, target: int) -> int:
        """Stage the segments above `after` until the spill is full; return the last one staged."""
        layout = partition_files.PartitionLayout(staged.table_rows(), self._devices(after, target))
        splitters = {
            name: partial(partition_files.split, spec, layout=layout)
            for name, spec in self._specs.items()
        }
        rows = Spill(splitters, staged.transaction.folder / "rows", self._limits.memory_bytes)
        quarantined = Spill(
            {"": quarantine.split_quarantine},
            staged.transaction.folder / "quarantined",
            self._limits.memory_bytes,
        )
        accounting = RowAccounting(self._decoder.dataset)
        drift: list[Drift] = []
        watermark = after
        for batch in self._lake.archive.read(
            self._decoder.dataset,
            after=after,
            up_to=target,
            max_body_bytes=self._limits.batch_bytes,
        ):
            if batch.responses:
                decoded = self._decoder.decode(corrected(batch.responses, self._corrections))
                accounting.add_responses(batch.responses, decoded)
                for name, table in decoded.tables.items():
                    collector = self._scd2 if name in self._scd2.names else rows
                    collector.add(name, self._cast_to_schema(name, table))
                self._scd2.add_listings(decoded)
                quarantined.add("", quarantine.prepared(decoded.quarantine.cast(QUARANTINE_SCHEMA)))
                drift += decoded.drift
            if batch.complete_to is not None:
                watermark = batch.complete_to
                if self._scd2.held_bytes > self._limits.memory_bytes:
                    # Later segments may hold older responses than some of those observed so far.
                    below = self._lake.archive.min_response_id(
                        self._decoder.dataset, after=watermark
                    )
                    self._fold_scd2(staged, accounting, quarantined, below)
                if rows.is_full(self._limits.spill_bytes) and not self._scd2.names:
                    break
        self._fold_scd2(staged, accounting, quarantined, None)
        for table_name, file, incoming in rows.groups():
            duplicates = self._merge_file(
                staged, self._specs[table_name], file, incoming, accounting
            )
            quarantined.add("", duplicates)
            # Free the memory before the rows of the next file are read.
            del incoming
            pa.default_memory_pool().release_unused()
        for _, file, incoming in quarantined.groups():
            self._accounting_files.add_quarantine(staged, file, incoming)
        if drift:
            self._accounting_files.add_drift(staged, drift)
            self._report.drift += drift
        accounted = accounting.table()
        if accounted.num_rows:
            self._accounting_files.add_accounting(staged, accounted)
            self._report.accounting = pa.concat_tables([self._report.accounting, accounted])
        return watermark

    def _devices(self, after: int, target: int) -> set[str]:
        """Return the devices to plan the files of new months for."""
        dataset = self._decoder.dataset
        expected = self._lake.expected()
        expected = expected.filter(pc.equal(expected["dataset"], dataset))
        devices: set[str] = set(expected["device_id"].to_pylist())
        for rows in self._lake.archive.scan(
            ["device_id"], dataset=dataset, after=after, up_to=target
        ):
            devices.update(pc.unique(rows["device_id"]).to_pylist())
        return devices

    def _cast_to_schema(self, name: str, rows: pa.Table) -> pa.Table:
        spec = self._specs[name]
        try:
            return rows.select(spec.schema.names).cast(spec.schema)
        except (KeyError, ValueError, pa.ArrowException) as error:
            raise StoreError(
                f"the decoder of {self._decoder.dataset} returned rows that do not fit the schema "
                f"of table {name}: {error}"
            ) from error

    def _merge_file(
        self,
        staged: StagedFiles,
        spec: TableSpec,
        file: str,
        incoming: pa.Table,
        accounting: RowAccounting,
    ) -> pa.Table:
        """Stage a table file and its superseded versions; return duplicates for the quarantine."""
        name, versions_name = f"{spec.folder}/{file}", f"{spec.superseded_folder}/{file}"
        merged = merge(
            spec,
            staged.read(name, partition_files.stored_schema(spec)),
            staged.read(versions_name, partition_files.stored_schema(spec, versions=True)),
            incoming,
        )
        if merged.versions.num_rows:
            staged.write_table(versions_name, spec, merged.versions)
        staged.write_table(name, spec, merged.rows, merged.winners)
        return self._account(spec, incoming, merged.classes, accounting)

    def _fold_scd2(
        self,
        staged: StagedFiles,
        accounting: RowAccounting,
        quarantined: Spill,
        below: int | None,
    ) -> None:
        """Stage the versions that result from observations in responses below a number."""
        for spec, observed, classes in self._scd2.fold(staged, below):
            quarantined.add("", self._account(spec, observed, classes, accounting))

    def _account(
        self,
        spec: TableSpec,
        rows: pa.Table,
        classes: np.ndarray,
        accounting: RowAccounting,
    ) -> pa.Table:
        """Count rows by their class; return duplicates for the quarantine."""
        ids = np.asarray(rows["response_id"])
        for column, row_class in _CLASSES.items():
            accounting.count(column, ids[classes == row_class])
        repeated = rows.filter(pa.array(classes == DUPLICATE))
        duplicates = quarantine.duplicate_rows(self._decoder.dataset, spec, repeated)
        return quarantine.prepared(duplicates)
