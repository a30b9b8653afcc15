"""Integrity check of the stores: every body against its checksum, every file against its manifest.

Normal operation finds most damage; this reads everything. `verify` checks whether the tables match
the archive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from warehouse import catalogue
from warehouse.archive.missing_segments import accept_losses, describe, unaccepted_losses
from warehouse.archive.repair import examine
from warehouse.archive.repair import repair as repair_archive
from warehouse.errors import ArchiveDamagedError
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake
from warehouse.owner_damage import damages
from warehouse.tables.build import build_pending


class Remedy(StrEnum):
    """The fix for a finding."""

    CHECK = "check"  # `check` with `repair`
    BUILD = "build"  # a build of the archived responses that are not in the tables yet
    REBUILD = "rebuild"  # a rebuild of the dataset
    NONE = "none"  # no command fixes it; the message says what the user can do


@dataclass(frozen=True, slots=True)
class IntegrityFinding:
    """A problem found in the stores.

    Attributes:
        message: The problem and its consequence or fix, in one sentence without a full stop.
        repaired: Whether it was repaired, or will be by the next build or refresh.
        remedy: The fix.
        dataset: The dataset concerned; None if it is not about one dataset.
    """

    message: str
    repaired: bool
    remedy: Remedy = Remedy.CHECK
    dataset: str | None = None


def pending_finding(
    dataset: str, count: int, *, repaired: bool = False, error: Exception | None = None
) -> IntegrityFinding:
    """Return the finding for archived responses that are not in a dataset's tables."""
    number = "1 archived response" if count == 1 else f"{count:,} archived responses"
    verb = "is" if count == 1 else "are"
    message = f"{number} of {dataset} {verb} not in its tables yet"
    if error is not None:
        message += f", because the build fails: {error}"
    return IntegrityFinding(message, repaired=repaired, remedy=Remedy.BUILD, dataset=dataset)


def check(
    lake: Lake, decoders: Sequence[Decoder] = (), *, repair: bool = False
) -> list[IntegrityFinding]:
    """Read and check all files of the stores.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets whose tables should be up to date.
        repair: Replace damaged archive files by their intact rows, accept missing segments as
            lost, and let the next build or refresh rebuild damaged derived files.

    Raises:
        StoreError: The disk is full or not writable during the repair.
    """
    findings: list[IntegrityFinding] = []
    if repair:
        messages = repair_archive(lake.archive)
        findings += [IntegrityFinding(message, repaired=True) for message in messages]
    else:
        for file in lake.archive.files():
            _, problem = examine(file)
            if problem:
                findings.append(IntegrityFinding(problem, repaired=False))
    if lost := unaccepted_losses(lake.archive):
        if repair:
            accept_losses(lake.archive)
        findings.append(
            IntegrityFinding(
                f"{describe(lost)} missing: restore the files from a copy; otherwise the next sync "
                "fetches their responses again, if the API still has them",
                repaired=repair,
            )
        )
    for path in sorted((lake.folder / "index" / "manifests").glob("*.json")):
        file_set = lake.file_set(path.stem)
        with file_set.lock():
            manifest = file_set.manifest()
            if manifest is None:
                messages = [f"{path.name} cannot be read: its files are rebuilt"]
            else:
                messages = file_set.findings(manifest, thorough=True)
            if messages and repair:
                file_set.forget_manifest()
            findings += [IntegrityFinding(message, repaired=repair) for message in messages]
    for message in damages(lake.folder):
        findings.append(IntegrityFinding(message, repaired=False, remedy=Remedy.NONE))
    if damage := catalogue.damage_of(lake, repair=repair):
        findings.append(IntegrityFinding(damage, repaired=repair))
    return findings + _pending(lake, decoders, repair=repair)


def _pending(lake: Lake, decoders: Sequence[Decoder], *, repair: bool) -> list[IntegrityFinding]:
    """Find archived responses that are not in the tables; build them if `repair`."""
    names = [decoder.dataset for decoder in decoders]
    try:
        pending = pending_responses(lake, names)
    except ArchiveDamagedError:
        return []  # a finding already, and to be repaired first
    _, errors = build_pending(lake, decoders, wait=True) if repair and pending else ([], {})
    remaining = pending_responses(lake, names) if repair else pending
    return [
        pending_finding(
            dataset, devices.total(), repaired=dataset not in remaining, error=errors.get(dataset)
        )
        for dataset, devices in pending.items()
    ]
