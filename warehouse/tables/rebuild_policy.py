"""When tables must be rebuilt from the archive, and when they must not be touched."""

from __future__ import annotations

from warehouse.archive.missing_segments import missing, named, without
from warehouse.errors import VersionError
from warehouse.interface.decoder_protocol import Decoder, fingerprints
from warehouse.lake import Lake
from warehouse.storage.layout import LAYOUT_VERSION
from warehouse.storage.transaction import FileSet, Manifest


def refuse_newer(decoder: Decoder, manifest: Manifest | None) -> None:
    """Refuse to touch tables that a newer decoder has made.

    Raises:
        VersionError: a newer decoder has made them.
    """
    version = manifest.facts["decoder_version"] if manifest is not None else 0
    if version > decoder.version:
        raise VersionError(
            f"the tables of {decoder.dataset} were made by version {version} of their decoder and "
            f"this givlake has version {decoder.version}: update givlake"
        )


def is_of_older_layout(manifest: Manifest) -> bool:
    """Return whether files have the names and columns of an older layout of the data folder."""
    # Layout 1 did not say so.
    return bool(manifest.facts.get("layout", 1) < LAYOUT_VERSION)


def changed_by_others(file_set: FileSet, decoder: Decoder) -> list[str]:
    """Return a sentence about files that are not as they were committed, if there are any."""
    manifest = file_set.manifest()
    found = file_set.findings(manifest) if manifest is not None else []
    if not found:
        return []
    more = f" (and {len(found) - 1} files more)" if len(found) > 1 else ""
    return [f"{found[0]}{more}: the tables of {decoder.dataset} are rebuilt from the archive"]


def rebuild_reason(lake: Lake, decoder: Decoder, manifest: Manifest | None) -> str | None:
    """Return why the tables must be rebuilt from the archive; None when rows can be added."""
    if manifest is None:
        return None  # a first build, whatever lies there
    if is_of_older_layout(manifest):
        return f"the tables of {decoder.dataset} have an older layout"
    if manifest.facts["fingerprints"] != fingerprints(decoder):
        return f"the tables of {decoder.dataset} have a new schema or decoder"
    known = manifest.facts.get("gaps")
    if known and (back := without(known, missing(lake.archive))):
        return f"{named(back)} back: the tables of {decoder.dataset} are rebuilt with them"
    return None
