"""Proving the tables: a dataset is built a second time beside, from the archive, and compared.

Files that a hand has changed are found by ``check`` as long as the manifests were left alone; here
nothing is believed but the archive. Nothing is mended.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from warehouse.accounting.drift import DRIFT_SCHEMA
from warehouse.accounting.quarantine import STORED_QUARANTINE_SCHEMA
from warehouse.errors import ArchiveDamagedError
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.storage.transaction import FileSet, Manifest
from warehouse.tables.builder import Limits, TableBuilder
from warehouse.tables.partition_files import stored_schema
from warehouse.tables.scd2_tables import OutOfOrderError
from warehouse.tables.watermarks import pending_responses
from warehouse.verification.integrity import Finding, Remedy, pending_finding
from warehouse.verification.table_diff import Difference, Store, TableDiff


@dataclass(slots=True)
class Verification:
    """What was proven of a dataset.

    Attributes:
        dataset: The dataset.
        rows: Rows of its tables that were compared.
        responses: Responses that they were made of.
        findings: What is not as it should be.
    """

    dataset: str
    rows: int = 0
    responses: int = 0
    findings: list[Finding] = field(default_factory=list)


def verify(lake: Lake, decoder: Decoder, *, limits: Limits | None = None) -> Verification:
    """Compare a dataset's tables and books with what the archive yields.

    Responses that are archived but not built yet are a finding, and left out of the comparison.
    Builds of the dataset wait during the comparison, not while the tables are made a second time.

    Args:
        lake: The data folder.
        decoder: The dataset's decoder.
        limits: How much memory and disk to use.

    Raises:
        StoreError: the disk is full or not writable.
    """
    lake.archive.flush()
    done = Verification(decoder.dataset)
    file_set = lake.file_set(file_set_name(decoder.dataset))
    with file_set.lock():
        manifest = file_set.manifest()
    try:
        with _beside(lake, decoder) as second:
            work = _Second(second, decoder, limits or Limits())
            work.reach(manifest.watermark if manifest else 0)
            with file_set.lock():
                manifest = file_set.manifest()
                work.reach(manifest.watermark if manifest else 0)
                _compare(lake, second, decoder, manifest, done)
                pending = pending_responses(lake, [decoder.dataset])
        done.findings += [pending_finding(of, devices.total()) for of, devices in pending.items()]
    except ArchiveDamagedError as error:
        done.findings.append(
            _finding(
                decoder,
                f"the tables of {decoder.dataset} cannot be compared with the archive while its "
                f"file {error.name} is damaged",
                Remedy.CHECK,
            )
        )
    return done


@contextmanager
def _beside(lake: Lake, decoder: Decoder) -> Iterator[Lake]:
    """Make a second data folder over the same archive, for a while."""
    folder = lake.scratch / f"second-{decoder.dataset}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with Lake(folder, archive=lake.archive) as second:
            second.expect(lake.expected())
            yield second
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Second:
    """The dataset's tables, made a second time."""

    def __init__(self, lake: Lake, decoder: Decoder, limits: Limits) -> None:
        self._lake, self._decoder, self._limits = lake, decoder, limits
        # Nothing here has to outlive a power cut.
        self._file_set = FileSet(lake.folder, file_set_name(decoder.dataset), durable=False)

    def reach(self, segment: int) -> None:
        """Build all responses up to a segment."""
        with self._file_set.lock():
            manifest = self._file_set.manifest()
            if manifest is not None and manifest.watermark <= segment:
                try:
                    self._work().add_to(manifest, segment)
                    return
                except OutOfOrderError:
                    pass  # only a build from nothing takes older observations in
            self._work().from_nothing(manifest or Manifest(), None, segment)

    def _work(self) -> TableBuilder:
        return TableBuilder(self._lake, self._decoder, self._file_set, self._limits)


def _compare(
    lake: Lake, second: Lake, decoder: Decoder, manifest: Manifest | None, done: Verification
) -> None:
    """Compare while nobody builds; enter what was found."""
    comparison = TableDiff(lake, second, decoder.dataset)
    done.responses = comparison.responses()
    if manifest is None:
        return  # all that is archived is pending
    if manifest.facts.get("fingerprints") != fingerprints(decoder):
        sentence = f"the tables of {decoder.dataset} were made by another version of givlake"
        done.findings.append(_finding(decoder, sentence, Remedy.REBUILD))
        return
    for store in _stores(decoder):
        for difference in comparison.differences(store):
            done.findings.append(_difference(decoder, store, difference))
    done.rows = comparison.rows
    for sentence, mends in comparison.accounts([spec.folder for spec in decoder.tables]):
        remedy = Remedy.REBUILD if mends else Remedy.NONE
        done.findings.append(_finding(decoder, sentence, remedy))


def _stores(decoder: Decoder) -> Sequence[Store]:
    stores = []
    for spec in decoder.tables:
        stores.append(Store(f"table {spec.name}", spec.folder, stored_schema(spec), spec.row_key))
        if spec.history is None:
            schema = stored_schema(spec, versions=True)
            name = f"superseded versions of {spec.name}"
            stores.append(Store(name, spec.superseded_folder, schema))
    dataset = decoder.dataset
    quarantine = f"index/quarantine/{dataset}"
    stores.append(Store(f"quarantine of {dataset}", quarantine, STORED_QUARANTINE_SCHEMA))
    drift = f"index/drift/{dataset}.parquet"
    stores.append(Store(f"drift of {dataset}", drift, DRIFT_SCHEMA))
    return stores


def _difference(decoder: Decoder, store: Store, found: Difference) -> Finding:
    where = f"{store.name}{f', {found.month}' if found.month else ''}"
    if found.unreadable:
        return _finding(decoder, f"{where}: {found.unreadable}", Remedy.REBUILD)
    counts = {
        "missing": found.missing,
        "that the archive does not yield": found.extra,
        "with other values than in the archive": found.different,
        "with a key that is there twice": found.repeated,
    }
    said = ", ".join(
        f"{count:,} row{'' if count == 1 else 's'} {what}"
        for what, count in counts.items()
        if count
    )
    sentence = f"{where}: {said} (the first: {found.example})"
    if not found.lost:
        return _finding(decoder, sentence, Remedy.REBUILD)
    return _finding(
        decoder,
        sentence
        + (
            f"; {found.lost:,} of them came from responses that the archive no longer holds, and "
            "a rebuild drops those: bring its missing files back from a copy if there is one"
        ),
        Remedy.NONE,
    )


def _finding(decoder: Decoder, sentence: str, remedy: Remedy) -> Finding:
    return Finding(sentence, mended=False, remedy=remedy, dataset=decoder.dataset)
