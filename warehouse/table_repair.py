"""Repair of tables and indexes whose files were removed or changed, or are an older givlake's."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.coverage import fact_store, refresh_coverage, request_index
from warehouse.errors import LockTimeoutError, VersionError
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.storage.transaction import FileSet
from warehouse.tables.build import build
from warehouse.tables.rebuild_policy import is_of_older_layout


def repair_tables(lake: Lake, decoders: Sequence[Decoder]) -> list[str]:
    """Make tables and indexes again whose files were removed or changed, or are an older givlake's.

    A look at sizes and times finds out. What another process is working at is left to it, so that
    nobody waits for a build.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets to look at.

    Returns:
        A sentence for each dataset and index that was mended; they are logged as well.

    Raises:
        StoreError: the disk is full or not writable.
    """
    sentences = []
    for decoder in decoders:
        file_set = lake.file_set(file_set_name(decoder.dataset))
        if file_set.is_interrupted():
            with file_set.lock():
                pass  # which finishes it
        if _is_older(file_set, decoder) or _is_changed(file_set):
            sentences += build(lake, decoder).damage
    indexes = [lake.file_set(name) for name in (request_index.UNIT, fact_store.UNIT)]
    if any(_is_changed(file_set) for file_set in indexes):
        sentences += refresh_coverage(lake, [])[1]
    return sentences


def needed_repairs(lake: Lake, decoders: Sequence[Decoder]) -> list[str]:
    """Say which tables :func:`repair_tables` would repair, without doing it.

    Args:
        lake: The data folder, opened for reading.
        decoders: The decoders of the datasets to look at.

    Returns:
        A sentence for each dataset that needs it, without a full stop.

    Raises:
        VersionError: tables were made for other columns than their views have.
    """
    sentences = []
    for decoder in decoders:
        file_set = lake.file_set(file_set_name(decoder.dataset))
        if _is_older(file_set, decoder):
            raise VersionError(
                f"the tables of {decoder.dataset} were made by an older givlake: bring them up to "
                "date with givlake build"
            )
        if file_set.is_interrupted():
            sentences.append(f"a build of the tables of {decoder.dataset} was interrupted")
        elif _is_changed(file_set):
            manifest = file_set.manifest()
            found = file_set.findings(manifest) if manifest is not None else []
            sentences += found[:1]
    return sentences


def _is_older(file_set: FileSet, decoder: Decoder) -> bool:
    """Tell whether tables were made for other columns: a view of these cannot read them."""
    manifest = file_set.manifest()
    if manifest is None:
        return False
    return is_of_older_layout(manifest) or (
        manifest.facts["decoder_version"] < decoder.version
        and manifest.facts["fingerprints"] != fingerprints(decoder)
    )


def _is_changed(file_set: FileSet) -> bool:
    """Tell whether a file of a unit is not as it was committed, when nobody is changing it."""
    manifest = file_set.manifest()
    if manifest is None or not file_set.findings(manifest):
        return False
    try:
        with file_set.lock(timeout_s=0.0):
            manifest = file_set.manifest()
            return manifest is not None and bool(file_set.findings(manifest))
    except LockTimeoutError:
        return False
