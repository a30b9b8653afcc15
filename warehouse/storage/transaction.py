"""A unit: a group of derived files that changes as one, with a manifest of what it should hold.

A commit stages every new file, writes one journal and then renames. A process that dies before
the journal has changed nothing; one that dies after it has decided everything, and the next
holder of the unit's lock finishes the renames. So effects happen exactly once, counts included.
What the files mean does not belong here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from warehouse.errors import LockTimeoutError, ReadOnlyError
from warehouse.storage.atomic_files import (
    explained,
    fsync_file,
    fsync_folder,
    sha256_of,
    write_atomically,
)
from warehouse.storage.live_parquet import content_digest, unused_bytes
from warehouse.storage.locks import FileLock


@dataclass(frozen=True, slots=True)
class FileFact:
    """What a file was when it was committed.

    Attributes:
        rows: Its rows.
        size_bytes: Its size.
        mtime_ns: When it was written.
        sha256: Hash of all its bytes.
        content: Hash of its rows as they are stored, which does not depend on what it replaced.
        unused_bytes: How many of its bytes only those need who were reading what it replaced.
    """

    rows: int
    size_bytes: int
    mtime_ns: int
    sha256: str
    content: str = ""
    unused_bytes: int = 0


@dataclass(slots=True)
class Manifest:
    """The committed state of a unit: its watermark, its own facts, and its files."""

    watermark: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, FileFact] = field(default_factory=dict)

    def below(self, prefix: str) -> list[str]:
        """Return the unit's files below a folder, in order of their names."""
        return sorted(name for name in self.files if name.startswith(prefix))


class FileSet:
    """The files of one unit below the data folder; use its methods while holding ``lock()``."""

    def __init__(
        self, folder: Path, name: str, *, durable: bool = True, read_only: bool = False
    ) -> None:
        """Name the unit ``name`` in the data folder ``folder``; nothing is touched.

        A unit that is not ``durable`` withstands kills; after a power cut it may have to be made
        again, which is cheaper than waiting for the disk several times with every poll.
        One that is ``read_only`` is never changed, and its lock is shared.
        """
        self.folder = folder
        self.read_only = read_only
        self.durable = durable
        self.name = name
        self.manifest_name = f"index/manifests/{name}.json"
        self._manifest_path = folder / self.manifest_name
        self._journal_path = folder / "index" / "manifests" / f"{name}.journal"
        self._staging = folder / "staging" / name

    @contextmanager
    def lock(self, timeout_s: float | None = None) -> Iterator[None]:
        """Hold the unit; first finish what a dead holder had decided.

        Raises:
            LockTimeoutError: it was not free within ``timeout_s``.
        """
        path = self.folder / "locks" / self.name
        with FileLock(path, timeout_s=timeout_s, read_only=self.read_only):
            if self._journal_path.exists() and not self.read_only:
                self._apply(json.loads(self._journal_path.read_bytes()))
            yield

    def manifest(self) -> Manifest | None:
        """Return the committed state; None when there is none, or none that can be read."""
        try:
            raw = json.loads(self._manifest_path.read_bytes())
            files = {name: FileFact(*fact) for name, fact in raw["files"].items()}
            return Manifest(raw["watermark"], raw["facts"], files)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def is_interrupted(self) -> bool:
        """Tell whether a process died while it committed, so that files may not fit each other."""
        if not self._journal_path.exists():
            return False
        path = self.folder / "locks" / self.name
        try:
            with FileLock(path, timeout_s=0.0, read_only=True):
                return self._journal_path.exists()
        except LockTimeoutError:
            return False

    def forget_manifest(self) -> None:
        """Make the next user of the unit start from nothing.

        Raises:
            ReadOnlyError: the unit was opened for reading.
        """
        if self.read_only:
            raise ReadOnlyError(self._manifest_path)
        self._manifest_path.unlink(missing_ok=True)

    def findings(self, manifest: Manifest, *, thorough: bool = False) -> list[str]:
        """Name every file that is not as it was committed, one sentence each.

        Size and time of change are compared, and the content where the time differs (a copied
        folder has new times) or always when ``thorough``.
        """
        found = []
        for name, fact in manifest.files.items():
            try:
                stat = (self.folder / name).stat()
            except FileNotFoundError:
                found.append(f"{name} is missing")
                continue
            touched = thorough or stat.st_mtime_ns != fact.mtime_ns
            if stat.st_size != fact.size_bytes or (
                touched and sha256_of(self.folder / name) != fact.sha256
            ):
                found.append(f"{name} is not what givlake wrote ({fact.rows:,} rows)")
        return found

    def begin(self) -> Transaction:
        """Start a change, dropping what an unfinished one left.

        Raises:
            ReadOnlyError: the unit was opened for reading.
        """
        if self.read_only:
            raise ReadOnlyError(self._manifest_path)
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir(parents=True, mode=0o700)
        return Transaction(self, self._staging)

    def _commit(self, transaction: Transaction, manifest: Manifest) -> None:
        raw = {
            "watermark": manifest.watermark,
            "facts": manifest.facts,
            "files": {name: list(asdict(fact).values()) for name, fact in manifest.files.items()},
        }
        moves = [
            [str(path.relative_to(self.folder)), name] for name, path in transaction.staged.items()
        ]
        staged = self._staging / "manifest.json"
        staged.write_bytes(json.dumps(raw, separators=(",", ":")).encode())
        if self.durable:
            fsync_file(staged)
            fsync_folder(self._staging)
        moves.append(
            [
                str(staged.relative_to(self.folder)),
                str(self._manifest_path.relative_to(self.folder)),
            ]
        )
        journal = {"moves": moves, "removes": transaction.removes}
        text = json.dumps(journal).encode()
        write_atomically(self._journal_path, text, self._staging, durable=self.durable)
        self._apply(journal)

    def _apply(self, journal: dict[str, Any]) -> None:
        with explained("Finishing a change in", self.folder):
            folders = set()
            for source, name in journal["moves"]:
                target = self.folder / name
                if not target.parent.exists():
                    target.parent.mkdir(parents=True, mode=0o700)
                    folders.add(target.parent.parent)
                folders.add(target.parent)
                if (self.folder / source).exists():  # else a dead holder got as far as this
                    (self.folder / source).replace(target)
            for name in journal["removes"]:
                (self.folder / name).unlink(missing_ok=True)
            for folder in folders if self.durable else ():
                fsync_folder(folder)
            self._journal_path.unlink()
            shutil.rmtree(self._staging, ignore_errors=True)


class Transaction:
    """Files written beside the unit, waiting for :meth:`commit`."""

    def __init__(self, file_set: FileSet, staging: Path) -> None:
        """Use :meth:`FileSet.begin`."""
        self._file_set = file_set
        self.folder = staging
        self.staged: dict[str, Path] = {}
        self.removes: list[str] = []
        self.facts: dict[str, FileFact] = {}
        self._given = 0

    def path_for(self, name: str) -> Path:
        """Return where to write the new content of the unit's file ``name``."""
        self._given += 1
        return self.folder / f"{self._given:06d}-{Path(name).name}"

    def live(self, name: str) -> Path:
        """Return where the unit's file ``name`` is that readers may be opening."""
        return self._file_set.folder / name

    def add(self, name: str, written: Path, rows: int, *, trimmed: bool = False) -> None:
        """Stage ``written`` (from :meth:`path_for`) to become ``name``, which is not removed then.

        Args:
            name: The unit's file.
            written: A Parquet file.
            rows: Its rows.
            trimmed: Whether it holds nothing beside its own data.
        """
        if name in self.staged:
            self.staged.pop(name).unlink()
        if name in self.removes:
            self.removes.remove(name)
        if self._file_set.durable:
            fsync_file(written)
        stat = written.stat()
        self.facts[name] = FileFact(
            rows,
            stat.st_size,
            stat.st_mtime_ns,
            sha256_of(written),
            content_digest(written),
            0 if trimmed else unused_bytes(written),
        )
        self.staged[name] = written

    def remove(self, name: str) -> None:
        """Remove ``name`` with the commit."""
        self.removes.append(name)

    def keep_equal(self, old: Manifest) -> None:
        """Leave files alone whose new content is what they have: readers may be opening them."""
        for name, written in list(self.staged.items()):
            known, live = old.files.get(name), self.live(name)
            if known is None or known.content != self.facts[name].content or not live.exists():
                continue
            stat = live.stat()
            if stat.st_size == known.size_bytes and sha256_of(live) == known.sha256:
                self.facts[name] = replace(known, mtime_ns=stat.st_mtime_ns)
                self.staged.pop(name)
                written.unlink()

    def commit(self, manifest: Manifest) -> Manifest:
        """Make all of it happen; return the new manifest (``manifest`` plus this change)."""
        files = manifest.files | self.facts
        for name in self.removes:
            files.pop(name, None)
        new = Manifest(manifest.watermark, manifest.facts, files)
        self._file_set._commit(self, new)
        return new
