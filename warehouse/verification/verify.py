"""Verification of the tables: rebuild a dataset in a second folder and compare.

`check` finds files that differ from their manifests; this trusts only the archive. Nothing is
repaired.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from warehouse.accounting.drift import DRIFT_SCHEMA
from warehouse.accounting.quarantine import STORED_QUARANTINE_SCHEMA
from warehouse.errors import ArchiveDamagedError
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.storage.transaction import FileSet, Manifest
from warehouse.tables.build_report import Limits
from warehouse.tables.builder import TableBuilder
from warehouse.tables.partition_files import stored_schema
from warehouse.tables.scd2_tables import OutOfOrderError
from warehouse.verification.integrity import IntegrityFinding, Remedy, pending_finding
from warehouse.verification.table_diff import ComparedFiles, Difference, TableDiff
from warehouse.zone_corrections import STATE_NAME as ZONE_CORRECTIONS


@dataclass(slots=True)
class Verification:
    """The result of the verification of a dataset.

    Attributes:
        dataset: The dataset.
        rows: Number of rows compared.
        responses: Number of responses they were built from.
        findings: The problems difference.
    """

    dataset: str
    rows: int = 0
    responses: int = 0
    findings: list[IntegrityFinding] = field(default_factory=list)


def verify(lake: Lake, decoder: Decoder, *, limits: Limits | None = None) -> Verification:
    """Compare a dataset's tables and accounting with a rebuild from the archive.

    Archived responses that are not built yet are a finding, and are not compared. Builds of the
    dataset wait during the comparison, but not during the rebuild.

    Args:
        lake: The data folder.
        decoder: The dataset's decoder.
        limits: Memory and disk space to use.

    Raises:
        StoreError: The disk is full or not writable.
    """
    lake.archive.flush()
    verification = Verification(decoder.dataset)
    file_set = lake.file_set(file_set_name(decoder.dataset))
    with file_set.lock():
        manifest = file_set.manifest()
    try:
        with _second_folder(lake, decoder) as second:
            rebuilt = _RebuiltTables(second, decoder, limits or Limits())
            rebuilt.build_to(manifest.watermark if manifest else 0)
            with file_set.lock():
                manifest = file_set.manifest()
                rebuilt.build_to(manifest.watermark if manifest else 0)
                _compare(lake, second, decoder, manifest, verification)
                pending = pending_responses(lake, [decoder.dataset])
        verification.findings += [
            pending_finding(dataset, devices.total()) for dataset, devices in pending.items()
        ]
    except ArchiveDamagedError as error:
        verification.findings.append(
            _finding(
                decoder,
                f"the tables of {decoder.dataset} cannot be compared with the archive while its "
                f"file {error.name} is damaged",
                Remedy.CHECK,
            )
        )
    return verification


@contextmanager
def _second_folder(lake: Lake, decoder: Decoder) -> Iterator[Lake]:
    """Open a temporary second data folder with the same archive."""
    folder = lake.scratch / f"second-{decoder.dataset}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with Lake(folder, archive=lake.archive) as second:
            second.expect(lake.expected())
            if corrections := lake.state.get(ZONE_CORRECTIONS):
                second.state.set(ZONE_CORRECTIONS, corrections)
            yield second
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _RebuiltTables:
    """A rebuild of a dataset's tables."""

    def __init__(self, lake: Lake, decoder: Decoder, limits: Limits) -> None:
        self._lake, self._decoder, self._limits = lake, decoder, limits
        # Nothing in this folder needs to survive a power cut.
        self._file_set = FileSet(lake.folder, file_set_name(decoder.dataset), durable=False)

    def build_to(self, segment: int) -> None:
        """Build all segments up to a number."""
        with self._file_set.lock():
            manifest = self._file_set.manifest()
            if manifest is not None and manifest.watermark <= segment:
                try:
                    self._builder().append(manifest, segment)
                    return
                except OutOfOrderError:
                    pass  # only a rebuild accepts older observations
            self._builder().rebuild(manifest or Manifest(), None, segment)

    def _builder(self) -> TableBuilder:
        return TableBuilder(self._lake, self._decoder, self._file_set, self._limits)


def _compare(
    lake: Lake,
    second: Lake,
    decoder: Decoder,
    manifest: Manifest | None,
    verification: Verification,
) -> None:
    """Compare while the lock of the tables is held; add findings."""
    diff = TableDiff(lake, second, decoder.dataset)
    verification.responses = diff.responses()
    if manifest is None:
        return  # all archived responses are pending
    if manifest.facts.get("fingerprints") != fingerprints(decoder):
        message = f"the tables of {decoder.dataset} were built by another version of givlake"
        verification.findings.append(_finding(decoder, message, Remedy.REBUILD))
        return
    for files in _compared_files(decoder):
        for difference in diff.differences(files):
            verification.findings.append(_difference_finding(decoder, files, difference))
    verification.rows = diff.rows
    for message, is_fixable in diff.accounting_errors([spec.folder for spec in decoder.tables]):
        remedy = Remedy.REBUILD if is_fixable else Remedy.NONE
        verification.findings.append(_finding(decoder, message, remedy))


def _compared_files(decoder: Decoder) -> Sequence[ComparedFiles]:
    compared = []
    for spec in decoder.tables:
        compared.append(
            ComparedFiles(f"table {spec.name}", spec.folder, stored_schema(spec), spec.row_key)
        )
        if spec.history is None:
            schema = stored_schema(spec, versions=True)
            name = f"superseded versions of {spec.name}"
            compared.append(ComparedFiles(name, spec.superseded_folder, schema))
    dataset = decoder.dataset
    quarantine = f"index/quarantine/{dataset}"
    compared.append(ComparedFiles(f"quarantine of {dataset}", quarantine, STORED_QUARANTINE_SCHEMA))
    drift = f"index/drift/{dataset}.parquet"
    compared.append(ComparedFiles(f"drift of {dataset}", drift, DRIFT_SCHEMA))
    return compared


def _difference_finding(
    decoder: Decoder, files: ComparedFiles, difference: Difference
) -> IntegrityFinding:
    where = f"{files.name}{f', {difference.month}' if difference.month else ''}"
    if difference.unreadable:
        return _finding(decoder, f"{where}: {difference.unreadable}", Remedy.REBUILD)
    counts = {
        "missing": difference.missing,
        "not in the archive": difference.extra,
        "with other values than in the archive": difference.different,
        "with a repeated key": difference.repeated,
    }
    summary = ", ".join(
        f"{count:,} row{'' if count == 1 else 's'} {problem}"
        for problem, count in counts.items()
        if count
    )
    message = f"{where}: {summary} (the first: {difference.example})"
    if not difference.lost:
        return _finding(decoder, message, Remedy.REBUILD)
    return _finding(
        decoder,
        f"{message}; {difference.lost:,} of them are from responses that are no longer in the "
        "archive, and a rebuild would drop them: restore the missing archive files from a copy",
        Remedy.NONE,
    )


def _finding(decoder: Decoder, message: str, remedy: Remedy) -> IntegrityFinding:
    return IntegrityFinding(message, repaired=False, remedy=remedy, dataset=decoder.dataset)
