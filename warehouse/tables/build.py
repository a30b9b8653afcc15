"""Builds of tables from the archive: after a fetch, after a kill, and from nothing.

There is one way from a response to a row, through the archive. This module deals with locks, damage
and late responses; `builder` does the work of one build. What rows mean belongs to decoders.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from warehouse.archive.repair import mend
from warehouse.errors import (
    ArchiveDamagedError,
    DamagedError,
    LockTimeoutError,
    WarehouseError,
)
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake, file_set_name
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import Manifest
from warehouse.tables.builder import BuildReport, Limits, TableBuilder
from warehouse.tables.partition_files import SCHEMA_FILE
from warehouse.tables.rebuild_policy import changed_by_others, rebuild_reason, refuse_newer
from warehouse.tables.scd2_tables import OutOfOrderError
from warehouse.tables.watermarks import pending_responses

_ASKED_FOR = "it was asked for"
_LOG = logging.getLogger(__name__)


def build(
    lake: Lake, decoder: Decoder, *, up_to: int | None = None, limits: Limits | None = None
) -> BuildReport:
    """Put every archived response of the dataset that is not yet in its tables into them.

    Takes what any process has archived. Where the tables are missing, were changed by another
    hand, or were made by an older decoder, they are made from nothing. Flushes this process'
    archive first; another build of the dataset is waited for.

    Args:
        lake: The data folder.
        decoder: The dataset's decoder.
        up_to: The last segment to take; None for the newest.
        limits: How much memory and disk to use.

    Raises:
        AccountingError: the decoder lost or invented rows; nothing of the batch was applied.
        StoreError: the disk is full or not writable; the next build goes on from here.
        VersionError: a newer decoder has made the tables.
    """
    return _locked(lake, decoder, limits or Limits(), up_to, forced=None)


def build_pending(
    lake: Lake, decoders: Sequence[Decoder], *, wait: bool = False
) -> tuple[list[BuildReport], dict[str, Exception]]:
    """Build every dataset that has archived responses which are not in its tables yet.

    A process that was killed between the archive and the tables leaves such responses. A dataset
    whose build fails, even by an error in its decoder, stops no other.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets to look at.
        wait: Whether to wait for another process that is building a dataset; else the dataset is
            left to it, so that nobody waits for a long build.

    Returns:
        A report for each dataset that was built, and the errors of those that could not be, which
        are logged as well.

    Raises:
        DamagedError: a file of the archive that the index of requests does not know is damaged.
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
        except Exception as error:
            _LOG.exception("The tables of %s cannot be built", decoder.dataset)
            errors[decoder.dataset] = error
        else:
            reports.append(report)
    return reports, errors


def rebuild(lake: Lake, decoder: Decoder, *, limits: Limits | None = None) -> BuildReport:
    """Make the dataset's tables from nothing but the archive, and put them in place of the old.

    Readers see the old rows until each file is replaced. Raises what :func:`build` raises.
    """
    return _locked(lake, decoder, limits or Limits(), None, forced=_ASKED_FOR)


def row_counts(lake: Lake, decoder: Decoder) -> dict[str, int]:
    """Return how many rows each of the decoder's tables has, without reading them."""
    manifest = lake.file_set(file_set_name(decoder.dataset)).manifest() or Manifest()
    return {
        spec.name: sum(manifest.files[name].rows for name in manifest.below(f"{spec.folder}/"))
        for spec in decoder.tables
    }


def drop(lake: Lake, dataset: str) -> None:
    """Remove a dataset's tables and books; its next build makes them from the archive."""
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
            reason = forced or rebuild_reason(lake, decoder, manifest)
            work = TableBuilder(lake, decoder, file_set, limits)
            try:
                if manifest is not None and reason is None:
                    report = work.add_to(manifest, up_to)
                else:
                    report = work.from_nothing(manifest or Manifest(), reason, up_to)
            except ArchiveDamagedError as error:
                # Mended at once, so that one damaged file does not stop every build for ever.
                sentences = mend(lake.archive, only=error.name)
                if not sentences:
                    raise
                damage += sentences
            except OutOfOrderError as error:
                forced = str(error)
            except DamagedError as error:
                if forced == str(error):
                    raise
                forced = str(error)
                damage.append(forced)
            else:
                report.damage[:0] = damage
                for sentence in report.damage:
                    _LOG.warning(sentence)
                return report
