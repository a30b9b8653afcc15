"""Builds of tables from the archive: incremental, after a crash, and rebuilds.

Every row comes from an archived response. This module handles locks, damage and late responses;
`builder` runs one build.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from warehouse.archive.repair import repair
from warehouse.errors import (
    ArchiveDamagedError,
    DamagedError,
    LockTimeoutError,
    WarehouseError,
)
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake, file_set_name
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import Manifest
from warehouse.tables.build_report import BuildReport, Limits
from warehouse.tables.builder import TableBuilder
from warehouse.tables.partition_files import SCHEMA_FILE
from warehouse.tables.rebuild_policy import changed_by_others, rebuild_reason, refuse_newer
from warehouse.tables.scd2_tables import OutOfOrderError

_REQUESTED = "a rebuild was requested"
_LOG = logging.getLogger(__name__)


def build(
    lake: Lake, decoder: Decoder, *, up_to: int | None = None, limits: Limits | None = None
) -> BuildReport:
    """Add the archived responses of a dataset to its tables.

    Includes responses archived by any process. If the tables are missing, were changed outside
    givlake or were built by an older decoder, they are rebuilt. Flushes the archive first, and
    waits for another running build of the dataset.

    Args:
        lake: The data folder.
        decoder: The dataset's decoder.
        up_to: The last segment to add; None for the newest.
        limits: Memory and disk space to use.

    Raises:
        AccountingError: The decoder lost or invented rows; nothing is committed.
        StoreError: The disk is full or not writable; the next build resumes.
        VersionError: The tables were built by a newer decoder.
    """
    return _locked(lake, decoder, limits or Limits(), up_to, forced=None)


def build_pending(
    lake: Lake, decoders: Sequence[Decoder], *, wait: bool = False
) -> tuple[list[BuildReport], dict[str, Exception]]:
    """Build every dataset with archived responses that are not in its tables yet.

    A process that is killed between archiving and building leaves such responses. A dataset whose
    build fails, even with an error in its decoder, does not stop the others.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets to build.
        wait: Whether to wait for a running build of a dataset; otherwise the dataset is skipped.

    Returns:
        A report for each dataset that was built, and the error for each that failed, which is also
        logged.

    Raises:
        DamagedError: An archive file that is not in the index of requests yet is damaged.
    """
    lake.archive.flush()
    pending = pending_responses(lake, [decoder.dataset for decoder in decoders])
    timeout_s = None if wait else 0.0
    reports: list[BuildReport] = []
    errors: dict[str, Exception] = {}
    for decoder in decoders:
        if decoder.dataset not in pending:
            continue
        try:
            report = _locked(lake, decoder, Limits(), None, forced=None, lock_timeout_s=timeout_s)
        except LockTimeoutError:
            continue
        except WarehouseError as error:
            _LOG.warning("%s", error)
            errors[decoder.dataset] = error
        # An error of one decoder must not keep the other datasets from being built; it is returned.
        except Exception as error:
            _LOG.exception("The tables of %s cannot be built", decoder.dataset)
            errors[decoder.dataset] = error
        else:
            reports.append(report)
    return reports, errors


def rebuild(lake: Lake, decoder: Decoder, *, limits: Limits | None = None) -> BuildReport:
    """Rebuild a dataset's tables from the archive and replace the old ones.

    Readers see the old rows until each file is replaced. Raises the errors of `build`.
    """
    return _locked(lake, decoder, limits or Limits(), None, forced=_REQUESTED)


def row_counts(lake: Lake, decoder: Decoder) -> dict[str, int]:
    """Return the number of rows of each of the decoder's tables, without reading them."""
    manifest = lake.file_set(file_set_name(decoder.dataset)).manifest() or Manifest()
    return {
        spec.name: sum(manifest.files[name].rows for name in manifest.below(f"{spec.folder}/"))
        for spec in decoder.tables
    }


def drop(lake: Lake, dataset: str) -> None:
    """Remove a dataset's tables and accounting; its next build rebuilds them from the archive."""
    file_set = lake.file_set(file_set_name(dataset))
    with file_set.lock(), explained("Removing tables from", lake.folder):
        manifest = file_set.manifest()
        if manifest is not None:
            transaction = file_set.begin()
            for name in manifest.files:
                if not name.endswith(SCHEMA_FILE):
                    transaction.remove(name)
            transaction.commit(manifest)
            file_set.forget_manifest()


def _locked(
    lake: Lake,
    decoder: Decoder,
    limits: Limits,
    up_to: int | None,
    *,
    forced: str | None,
    lock_timeout_s: float | None = None,
) -> BuildReport:
    lake.archive.flush()
    file_set = lake.file_set(file_set_name(decoder.dataset))
    with file_set.lock(lock_timeout_s), explained("Building in", lake.folder):
        refuse_newer(decoder, file_set.manifest())
        # What is rebuilt anyway may have been changed: the catalogue places files of new columns.
        damage = []
        if rebuild_reason(lake, decoder, file_set.manifest()) is None:
            damage = changed_by_others(file_set, decoder)
        forced = forced or (damage[0] if damage else None)
        while True:
            manifest = file_set.manifest()
            # It takes the corrections of zones of this moment: later ones are a reason to rebuild.
            builder = TableBuilder(lake, decoder, file_set, limits)
            reason = forced or rebuild_reason(lake, decoder, manifest)
            try:
                if manifest is not None and reason is None:
                    report = builder.append(manifest, up_to)
                else:
                    report = builder.rebuild(manifest or Manifest(), reason, up_to)
            except ArchiveDamagedError as error:
                # Repaired at once, so that one damaged file does not stop every later build.
                messages = repair(lake.archive, only=error.name)
                if not messages:
                    raise
                damage += messages
            except OutOfOrderError as error:
                forced = str(error)
            except DamagedError as error:
                if forced == str(error):
                    raise
                forced = str(error)
                damage.append(forced)
            else:
                report.damage[:0] = damage
                for message in report.damage:
                    _LOG.warning(message)
                return report
