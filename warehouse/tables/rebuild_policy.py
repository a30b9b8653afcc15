"""When tables must be rebuilt from the archive, and when they must not be touched."""

from __future__ import annotations

from warehouse.archive.missing_segments import (
    MISSING_FACT,
    describe,
    missing_segments,
    subtract,
)
from warehouse.errors import VersionError
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake
from warehouse.storage.layout import LAYOUT_VERSION
from warehouse.storage.transaction import FileSet, Manifest
from warehouse.zone_corrections import STATE_NAME as ZONE_CORRECTIONS
from warehouse.zone_corrections import stored_corrections


def refuse_newer(decoder: Decoder, manifest: Manifest | None) -> None:
    """Refuse to change tables that were built by a newer decoder.

    Raises:
        VersionError: They were built by a newer decoder.
    """
    version = manifest.facts["decoder_version"] if manifest is not None else 0
    if version > decoder.version:
        raise VersionError(
            f"the tables of {decoder.dataset} were built by version {version} of their decoder and "
            f"this givlake has version {decoder.version}: update givlake"
        )


def is_of_older_layout(manifest: Manifest) -> bool:
    """Return whether files have the names and columns of an older layout of the data folder."""
    # Layout 1 did not say so.
    return bool(manifest.facts.get("layout", 1) < LAYOUT_VERSION)


def is_of_other_zone(lake: Lake, manifest: Manifest) -> bool:
    """Return whether rows were decoded in another time zone than the account's."""
    return bool(manifest.facts.get(ZONE_CORRECTIONS, {}) != stored_corrections(lake.state))


def changed_by_others(file_set: FileSet, decoder: Decoder) -> list[str]:
    """Return a message if files differ from their committed state."""
    manifest = file_set.manifest()
    changes = file_set.findings(manifest) if manifest is not None else []
    if not changes:
        return []
    more = f" (and {len(changes) - 1} more files)" if len(changes) > 1 else ""
    return [f"{changes[0]}{more}: the tables of {decoder.dataset} are rebuilt from the archive"]


def rebuild_reason(lake: Lake, decoder: Decoder, manifest: Manifest | None) -> str | None:
    """Return why the tables must be rebuilt from the archive; None if rows can be appended."""
    if manifest is None:
        return None  # a first build, even if there are files
    if is_of_older_layout(manifest):
        return f"the tables of {decoder.dataset} have an older layout"
    if manifest.facts["fingerprints"] != fingerprints(decoder):
        return f"the tables of {decoder.dataset} have a new schema or decoder"
    if is_of_other_zone(lake, manifest):
        return f"the tables of {decoder.dataset} were built for another time zone"
    missing = manifest.facts.get(MISSING_FACT)
    if missing and (restored := subtract(missing, missing_segments(lake.archive))):
        return (
            f"{describe(restored)} restored: the tables of {decoder.dataset} are rebuilt with them"
        )
    return None
