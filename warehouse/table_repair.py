"""Rebuild of tables and indexes that were changed outside givlake or by an older version."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.coverage import fact_store, refresh_coverage
from warehouse.errors import LockTimeoutError
from warehouse.index import request_index
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake, file_set_name
from warehouse.storage.transaction import FileSet
from warehouse.tables.build import build


def repair_tables(lake: Lake, decoders: Sequence[Decoder]) -> list[str]:
    """Rebuild tables and indexes that were changed outside givlake or by an older version.

    Sizes and modification times are compared. File sets in use by another process are skipped.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets to check.

    Returns:
        A message for each dataset and index that was repaired, which is also logged.

    Raises:
        StoreError: the disk is full or not writable.
    """
    messages = []
    for decoder in decoders:
        file_set = lake.file_set(file_set_name(decoder.dataset))
        if _is_older(file_set, decoder) or _is_changed(file_set):
            messages += build(lake, decoder).damage
    indexes = [lake.file_set(name) for name in (request_index.UNIT, fact_store.UNIT)]
    if any(_is_changed(file_set) for file_set in indexes):
        messages += refresh_coverage(lake, [])[1]
    return messages


def _is_older(file_set: FileSet, decoder: Decoder) -> bool:
    """Return whether tables have the columns of an older decoder, which the views cannot read."""
    manifest = file_set.manifest()
    return (
        manifest is not None
        and manifest.facts["decoder_version"] < decoder.version
        and manifest.facts["fingerprints"] != fingerprints(decoder)
    )


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
