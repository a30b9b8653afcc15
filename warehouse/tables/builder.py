"""One build of one dataset: reading, decoding, merging, bookkeeping, committing.

Whether to add to the tables or to make them from nothing is decided in ``build``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.accounting import drift as drift_log
from warehouse.accounting import quarantine, row_accounting
from warehouse.archive.missing_segments import missing, named, unaccepted
from warehouse.errors import StoreError
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoder, Drift, fingerprints
from warehouse.lake import Lake
from warehouse.storage.layout import LAYOUT_VERSION
from warehouse.storage.spill import Spill
from warehouse.storage.transaction import FileSet, Manifest, Transaction
from warehouse.tables import TableSpec, merge, partition_files, watermarks
from warehouse.tables.merge import DUPLICATE, IDENTICAL, NEW, SUPERSEDED, SUPERSEDING
from warehouse.tables.scd2_tables import Scd2Tables
from warehouse.tables.staged_files import StagedFiles

_CLASSES = {
    "new": NEW,
    "identical": IDENTICAL,
    "superseding": SUPERSEDING,
    "superseded": SUPERSEDED,
    "quarantined": DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a build may use.

    Attributes:
        batch_bytes: Bodies decoded at once.
        memory_bytes: Decoded rows held in memory before they are written aside.
        spill_bytes: Decoded rows written aside before the build commits and goes on.
    """

    batch_bytes: int = 3 << 20
    memory_bytes: int = 8 << 20
    spill_bytes: int = 2 << 30


@dataclass(slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        dataset: The dataset.
        watermark: All segments up to this one are in the tables.
        accounting: One row per response taken: ``rows_in`` is the sum of ``new``, ``identical``,
            ``superseding``, ``superseded`` and ``quarantined``.
        drift: What the contract does not know.
        rebuilt_because: Why the tables were made from nothing; None when they were added to.
        returned_from_quarantine: Rows that a rebuild took out of quarantine.
        damage: One sentence for each damage that was met, with what was done.
    """

    dataset: str
    watermark: int = 0
    accounting: pa.Table = field(default_factory=row_accounting.ACCOUNTING_SCHEMA.empty_table)
    drift: list[Drift] = field(default_factory=list)
    rebuilt_because: str | None = None
    returned_from_quarantine: int = 0
    damage: list[str] = field(default_factory=list)

    @property
    def responses(self) -> int:
        """Responses taken."""
        return int(self.accounting.num_rows)

    def rows(self, what: str = "rows_in") -> int:
        """Return the total of a column of ``accounting``, such as "new" or "quarantined"."""
        return int(pc.sum(self.accounting[what]).as_py() or 0)


class TableBuilder:
    """One build of one dataset; use while holding the unit's lock."""

    def __init__(self, lake: Lake, decoder: Decoder, file_set: FileSet, limits: Limits) -> None:
        """Prepare; nothing is touched."""
        self._lake = lake
        self._decoder = decoder
        self._file_set = file_set
        self._limits = limits
        self._specs = {spec.name: spec for spec in decoder.tables}
        self._report = BuildReport(decoder.dataset)
        self._histories = Scd2Tables(decoder)
        self._quarantine_folder = f"index/quarantine/{decoder.dataset}"
        self._accounting_folder = f"index/row_accounting/{decoder.dataset}"
        self._drift_file = f"index/drift/{decoder.dataset}.parquet"

    def add_to(self, manifest: Manifest, up_to: int | None) -> BuildReport:
        """Add the segments above the manifest's watermark to the tables."""
        target = self._target(up_to)
        if target < manifest.watermark and up_to is None:
            self._report.damage.append(self._archive_is_short(target, manifest.watermark))
        while manifest.watermark < target:
            transaction = self._file_set.begin()
            stored = StagedFiles(self._lake.folder, transaction, manifest)
            self._histories.go_on_from(manifest.facts.get("folded", {}))
            reached = self._round(stored, manifest.watermark, target)
            manifest = self._commit(transaction, manifest, reached)
        self._report.watermark = manifest.watermark
        return self._report

    def from_nothing(self, old: Manifest, reason: str | None, up_to: int | None) -> BuildReport:
        """Make all files beside the old ones, then replace them in one commit."""
        target = self._target(up_to)
        self._report.rebuilt_because = reason
        if target < old.watermark and up_to is None:
            self._report.damage.append(self._archive_is_short(target, old.watermark))
        if lost := unaccepted(self._lake.archive):
            self._report.damage.append(
                f"{named(lost)} missing: the tables of {self._decoder.dataset} are made without "
                "what was in there; bring the missing archive files back from a copy"
            )
        transaction = self._file_set.begin()
        stored = StagedFiles(self._lake.folder, transaction, None)
        reached = 0
        while reached < target:
            reached = self._round(stored, reached, target)
        # Last, so that a view made for the old schema does not bind to the new one too early.
        for spec in self._specs.values():
            for folder, versions in spec.folders:
                none = partition_files.stored_schema(spec, versions=versions).empty_table()
                stored.write_table(f"{folder}/{partition_files.SCHEMA_FILE}", spec, none)
        self._report.returned_from_quarantine = self._returned(stored)
        for name in self._left_over(old) - transaction.facts.keys():
            transaction.remove(name)
        transaction.keep_equal(old)
        self._report.watermark = self._commit(transaction, Manifest(), target).watermark
        return self._report

    def _target(self, up_to: int | None) -> int:
        return self._lake.archive.last_segment() if up_to is None else up_to

    def _archive_is_short(self, target: int, watermark: int) -> str:
        return (
            f"the archive ends at segment {target} and the tables of {self._decoder.dataset} hold "
            f"segments up to {watermark}: bring the missing archive files back from a copy"
        )

    def _commit(self, transaction: Transaction, manifest: Manifest, reached: int) -> Manifest:
        facts = {
            "decoder_version": self._decoder.version,
            "fingerprints": fingerprints(self._decoder),
            "layout": LAYOUT_VERSION,
            "folded": self._histories.folded,
            "gaps": missing(self._lake.archive),
        }
        watermarks.stage(transaction, self._decoder.dataset, reached, facts)
        return transaction.commit(Manifest(reached, facts, manifest.files))

    def _left_over(self, old: Manifest) -> set[str]:
        """Name the files of the old tables, also where no manifest lists them."""
        folders = [self._quarantine_folder, self._accounting_folder]
        for spec in self._specs.values():
            folders += [spec.folder, spec.superseded_folder]
        root = self._lake.folder
        found = (path for folder in folders for path in (root / folder).rglob("*.parquet"))
        return {str(path.relative_to(root)) for path in found} | old.files.keys()

    # -- one round: what is staged between two commits ---------------------------------------

    def _round(self, stored: StagedFiles, after: int, target: int) -> int:
        """Stage the responses above ``after`` until enough is spilled; return how far it got."""
        layout = partition_files.PartitionLayout(stored.table_rows(), self._devices(after, target))
        splitters = {
            name: partial(partition_files.split, spec, layout=layout)
            for name, spec in self._specs.items()
        }
        rows = Spill(splitters, stored.transaction.folder / "rows", self._limits.memory_bytes)
        refused = Spill(
            {"": quarantine.split_quarantine},
            stored.transaction.folder / "refused",
            self._limits.memory_bytes,
        )
        accounts = row_accounting.RowAccounting(self._decoder.dataset)
        drift: list[Drift] = []
        reached = after
        for batch in self._lake.archive.read(
            self._decoder.dataset,
            after=after,
            up_to=target,
            max_body_bytes=self._limits.batch_bytes,
        ):
            if batch.responses:
                decoded = self._decoder.decode(batch.responses)
                accounts.open(batch.responses, decoded)
                for name, table in decoded.tables.items():
                    taker = self._histories if name in self._histories.names else rows
                    taker.add(name, self._checked(name, table))
                self._histories.add_listings(decoded)
                refused.add("", quarantine.sampled(decoded.quarantine.cast(QUARANTINE_SCHEMA)))
                drift += decoded.drift
            if batch.complete_to is not None:
                reached = batch.complete_to
                if self._histories.held_bytes > self._limits.memory_bytes:
                    # What comes later may be older than some of what is held.
                    below = self._lake.archive.least_response_id(
                        self._decoder.dataset, after=reached
                    )
                    self._fold(stored, accounts, refused, below)
                if rows.is_full(self._limits.spill_bytes) and not self._histories.names:
                    break
        self._fold(stored, accounts, refused, None)
        for name, place, incoming in rows.groups():
            refused.add("", self._put(stored, self._specs[name], place, incoming, accounts))
            # Not kept beside the next file's rows, and given back to the system.
            del incoming
            pa.default_memory_pool().release_unused()
        for _, place, incoming in refused.groups():
            name = f"{self._quarantine_folder}/{place}"
            book = stored.read(name, quarantine.STORED_QUARANTINE_SCHEMA)
            stored.write_index(name, quarantine.merge_quarantine(book, incoming))
        if drift:
            book = stored.read(self._drift_file, drift_log.DRIFT_SCHEMA)
            stored.write_index(self._drift_file, drift_log.merge_drift(book, drift))
        self._enter(stored, accounts.table())
        self._report.drift += drift
        return reached

    def _devices(self, after: int, target: int) -> set[str]:
        """Return the devices to lay new months out for."""
        dataset = self._decoder.dataset
        expected = self._lake.expected()
        expected = expected.filter(pc.equal(expected["dataset"], dataset))
        asked: set[str] = set(expected["device_id"].to_pylist())
        for rows in self._lake.archive.scan(
            ["device_id"], dataset=dataset, after=after, up_to=target
        ):
            asked.update(pc.unique(rows["device_id"]).to_pylist())
        return asked

    def _checked(self, name: str, rows: pa.Table) -> pa.Table:
        spec = self._specs[name]
        try:
            return rows.select(spec.schema.names).cast(spec.schema)
        except (KeyError, ValueError, pa.ArrowException) as error:
            raise StoreError(
                f"the decoder of {self._decoder.dataset} returned rows that do not fit the schema "
                f"of table {name}: {error}"
            ) from error

    def _put(
        self,
        stored: StagedFiles,
        spec: TableSpec,
        place: str,
        incoming: pa.Table,
        accounts: row_accounting.RowAccounting,
    ) -> pa.Table:
        """Stage a table file and its superseded versions; return rows for the quarantine."""
        name, versions_name = f"{spec.folder}/{place}", f"{spec.superseded_folder}/{place}"
        merged = merge(
            spec,
            stored.read(name, partition_files.stored_schema(spec)),
            stored.read(versions_name, partition_files.stored_schema(spec, versions=True)),
            incoming,
        )
        if merged.versions.num_rows:
            stored.write_table(versions_name, spec, merged.versions)
        stored.write_table(name, spec, merged.rows, merged.winners)
        return self._count(spec, incoming, merged.classes, accounts)

    def _fold(
        self,
        stored: StagedFiles,
        accounts: row_accounting.RowAccounting,
        refused: Spill,
        below: int | None,
    ) -> None:
        """Stage the versions that follow from what was observed in responses below a number."""
        for spec, observed, classes in self._histories.fold(stored, below):
            refused.add("", self._count(spec, observed, classes, accounts))

    def _count(
        self,
        spec: TableSpec,
        rows: pa.Table,
        classes: np.ndarray,
        accounts: row_accounting.RowAccounting,
    ) -> pa.Table:
        """Enter what became of rows; return those for the quarantine."""
        ids = np.asarray(rows["response_id"])
        for what, kind in _CLASSES.items():
            accounts.count(what, ids[classes == kind])
        again = rows.filter(pa.array(classes == DUPLICATE))
        return quarantine.duplicates(self._decoder.dataset, spec, again)

    def _enter(self, stored: StagedFiles, accounting: pa.Table) -> None:
        """Stage the accounts: appended to the last part while that is small, else in a new one."""
        self._report.accounting = pa.concat_tables([self._report.accounting, accounting])
        if accounting.num_rows == 0:
            return
        parts = stored.names(self._accounting_folder)
        last = max((int(Path(name).stem.removeprefix("part-")) for name in parts), default=1)
        name = f"{self._accounting_folder}/part-{last:06d}.parquet"
        if stored.row_count(name) >= row_accounting.TAIL_ROWS:
            name = f"{self._accounting_folder}/part-{last + 1:06d}.parquet"
        book = stored.read(name, row_accounting.ACCOUNTING_SCHEMA)
        stored.write_index(name, pa.concat_tables([book, accounting]))

    def _returned(self, stored: StagedFiles) -> int:
        """Count rows that were in quarantine and are not any more."""
        root = self._lake.folder
        old = quarantine.row_digests(root.glob(f"{self._quarantine_folder}/*/*.parquet"))
        new = quarantine.row_digests(stored.paths(self._quarantine_folder))
        return int((~np.isin(old, new)).sum())
