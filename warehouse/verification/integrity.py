"""Proving the stores: every body by its checksum, every derived file by its manifest.

Ordinary work finds most damage by itself; this reads everything. Whether the tables hold what the
archive yields is proven in ``verify``.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from warehouse import catalogue
from warehouse.archive.missing_segments import accept, named, unaccepted
from warehouse.archive.repair import examine
from warehouse.archive.repair import mend as mend_archive
from warehouse.errors import ArchiveDamagedError
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake
from warehouse.tables.build import build_pending
from warehouse.tables.watermarks import pending_responses


class Remedy(StrEnum):
    """What mends a finding."""

    CHECK = "check"  # `check` with ``mend``
    BUILD = "build"  # a build of what is archived and not in the tables yet
    REBUILD = "rebuild"  # a rebuild of the dataset
    NONE = "none"  # nothing that the stores can do; the sentence says what a person can


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        sentence: What it is and what becomes of it.
        mended: Whether it was mended, or will be by the next build or refresh.
        remedy: What mends it.
        dataset: The dataset that it is about, where it is about one.
    """

    sentence: str
    mended: bool
    remedy: Remedy = Remedy.CHECK
    dataset: str | None = None


def pending_finding(
    dataset: str, count: int, *, mended: bool = False, error: Exception | None = None
) -> Finding:
    """Describe archived responses that are not in a dataset's tables, and why if it is known."""
    number = "1 archived response" if count == 1 else f"{count:,} archived responses"
    verb = "is" if count == 1 else "are"
    sentence = f"{number} of {dataset} {verb} not in its tables yet"
    if error is not None:
        sentence += f", as they cannot be built: {error}"
    return Finding(sentence, mended=mended, remedy=Remedy.BUILD, dataset=dataset)


def check(lake: Lake, decoders: Sequence[Decoder] = (), *, mend: bool = False) -> list[Finding]:
    """Read and prove everything in the stores.

    Args:
        lake: The data folder.
        decoders: The decoders of the datasets whose tables should hold all that is archived.
        mend: Set damaged archive files aside and keep what of them can be proven, accept what is
            missing as lost, and make derived files again with the next build or refresh.

    Raises:
        StoreError: the disk is full or not writable while mending.
    """
    findings: list[Finding] = []
    if mend:
        findings += [Finding(sentence, mended=True) for sentence in mend_archive(lake.archive)]
    else:
        for file in lake.archive.files():
            _, problem = examine(file)
            if problem:
                findings.append(Finding(problem, mended=False))
    if lost := unaccepted(lake.archive):
        if mend:
            accept(lake.archive)
        findings.append(
            Finding(
                f"{named(lost)} missing: bring the files back from a copy; what they held is "
                "fetched again by the next sync, as far as the API still has it",
                mended=mend,
            )
        )
    for path in sorted((lake.folder / "index" / "manifests").glob("*.json")):
        file_set = lake.file_set(path.stem)
        with file_set.lock():
            manifest = file_set.manifest()
            if manifest is None:
                sentences = [f"{path.name} cannot be read: what it describes is made again"]
            else:
                sentences = file_set.findings(manifest, thorough=True)
            if sentences and mend:
                file_set.forget_manifest()
            findings += [Finding(sentence, mended=mend) for sentence in sentences]
    if sentence := catalogue.damage_of(lake, mend=mend):
        findings.append(Finding(sentence, mended=mend))
    findings += _pending(lake, decoders, mend=mend)
    mode = lake.folder.stat().st_mode if lake.folder.exists() else 0
    if mode & (stat.S_IROTH | stat.S_IXOTH):
        findings.append(
            Finding(
                f"every user of this machine can read {lake.folder} (mode {mode & 0o777:o}): "
                f"run chmod o-rwx on it",
                mended=False,
                remedy=Remedy.NONE,
            )
        )
    return findings


def _pending(lake: Lake, decoders: Sequence[Decoder], *, mend: bool) -> list[Finding]:
    """Find archived responses that are not in the tables; ``mend`` builds them."""
    names = [decoder.dataset for decoder in decoders]
    try:
        found = pending_responses(lake, names)
    except ArchiveDamagedError:
        return []  # it is a finding already; what else is there shows when it is mended
    _, errors = build_pending(lake, decoders, wait=True) if mend and found else ([], {})
    left = pending_responses(lake, names) if mend else found
    return [
        pending_finding(
            dataset, devices.total(), mended=dataset not in left, error=errors.get(dataset)
        )
        for dataset, devices in found.items()
    ]
