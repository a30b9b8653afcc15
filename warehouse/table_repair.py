"""Rebuild of tables and indexes that were changed outside givlake or by an older version."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.coverage import day_evidence, drop_evidence, fact_store, refresh_coverage
from warehouse.errors import LockTimeoutError, VersionError
from warehouse.index import request_index
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.storage.transaction import FileSet
from warehouse.tables.build import build
from warehouse.tables.rebuild_policy import is_of_older_layout, is_of_other_zone


def repair_tables(lake: Lake, decoders: Sequence[Decoder]) -> list[str]:
    """Rebuild tables and indexes that were changed outside givlake or by an older version.

    Sizes and modification times are compared. File sets in use by another process are skipped.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets to check.

    Returns:
        A message for each dataset and index that was repaired, which is also logged.

    Raises:
        StoreError: The disk is full or not writable.
    """
    messages = []
    for decoder in decoders:
        file_set = lake.file_set(file_set_name(decoder.dataset))
        if file_set.is_interrupted():
            with file_set.lock():
                pass  # acquiring the lock finishes the commit
        if (
            _is_older(file_set, decoder)
            or _is_of_other_zone(lake, file_set)
            or _is_changed(file_set)
        ):
            messages += build(lake, decoder).damage
    indexes = [
        lake.file_set(name) for name in (request_index.FILE_SET_NAME, fact_store.FILE_SET_NAME)
    ]
    if any(_is_changed(file_set) for file_set in indexes):
        messages += refresh_coverage(lake, [])[1]
    if _is_changed(lake.file_set(day_evidence.FILE_SET_NAME)):
        drop_evidence(lake)
    return messages


def needed_repairs(lake: Lake, decoders: Sequence[Decoder]) -> list[str]:
    """List which tables `repair_tables` would repair, without doing it.

    Args:
        lake: The data folder, opened for reading.
        decoders: The decoders of the datasets to look at.

    Returns:
        A message for each dataset that needs repair, without a full stop.

    Raises:
        VersionError: Tables have other columns than their views.
    """
    sentences = []
    for decoder in decoders:
        file_set = lake.file_set(file_set_name(decoder.dataset))
        if _is_older(file_set, decoder):
            raise VersionError(
                f"the tables of {decoder.dataset} were built by an older version of givlake: "
                "run `givlake build`"
            )
        if file_set.is_interrupted():
            sentences.append(f"a build of the tables of {decoder.dataset} was interrupted")
        elif _is_of_other_zone(lake, file_set):
            sentences.append(f"the tables of {decoder.dataset} were built for another time zone")
        elif _is_changed(file_set):
            manifest = file_set.manifest()
            found = file_set.findings(manifest) if manifest is not None else []
            sentences += found[:1]
    return sentences


def _is_older(file_set: FileSet, decoder: Decoder) -> bool:
    """Return whether tables have the columns of an older decoder, which the views cannot read."""
    manifest = file_set.manifest()
    if manifest is None:
        return False
    return is_of_older_layout(manifest) or (
        manifest.facts["decoder_version"] < decoder.version
        and manifest.facts["fingerprints"] != fingerprints(decoder)
    )


def _is_of_other_zone(lake: Lake, file_set: FileSet) -> bool:
    manifest = file_set.manifest()
    return manifest is not None and is_of_other_zone(lake, manifest)


def _is_changed(file_set: FileSet) -> bool:
    """Return whether a file differs from its committed state while no process is changing it."""
    manifest = file_set.manifest()
    if manifest is None or not file_set.findings(manifest):
        return False
    try:
        with file_set.lock(timeout_s=0.0):
            manifest = file_set.manifest()
            return manifest is not None and bool(file_set.findings(manifest))
    except LockTimeoutError:
        return False
