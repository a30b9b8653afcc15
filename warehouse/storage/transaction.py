"""Transactions over a file set: a group of derived files that change together, with a manifest.

A commit stages every new file, writes one journal and then renames the files. A process that dies
before the journal is written changes nothing; if it dies later, the next process that acquires the
lock of the file set completes the renames. So every change happens exactly once.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from warehouse.storage.file_locks import FileLock
from warehouse.storage.live_parquet import content_digest, unused_bytes

MANIFESTS = "index/manifests"


@dataclass(frozen=True, slots=True)
class FileFact:
    """The state of a file when it was committed.

    Attributes:
        rows: Number of rows.
        size_bytes: Size of the file.
        mtime_ns: When it was written.
        sha256: Hash of all bytes.
        content: Hash of the rows as stored, which does not depend on the file it replaced.
        unused_bytes: Bytes that only readers of the replaced file need.
    """

    rows: int
    size_bytes: int
    mtime_ns: int
    sha256: str
    content: str = ""
    unused_bytes: int = 0


@dataclass(slots=True)
class Manifest:
    """The committed state of a file set: its watermark, facts about it, and its files."""

    watermark: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    files: dict[str, FileFact] = field(default_factory=dict)

    def below(self, prefix: str) -> list[str]:
        """Return the names of the files below a folder, sorted."""
        return sorted(name for name in self.files if name.startswith(prefix))


def states_of_file_sets(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    """Return what differs after any commit to any file set of a data folder, without a lock.

    Returns:
        Name, inode, size and time of change of each manifest; a commit replaces the file.
    """
    with suppress(FileNotFoundError), os.scandir(folder / MANIFESTS) as entries:
        return frozenset(
            (entry.name, stat.st_ino, stat.st_size, stat.st_mtime_ns)
            for entry in entries
            for stat in (entry.stat(),)
        )
    return frozenset()


class FileSet:
    """A group of files in the data folder; use its methods while holding `lock()`."""

    def __init__(
        self, folder: Path, name: str, *, durable: bool = True, read_only: bool = False
    ) -> None:
        """Refer to a file set without reading or writing anything.

        A file set that is not `durable` survives the kill of a process, but may have to be rebuilt
        after a power cut, which is cheaper than waiting for the disk several times per poll.
        A `read_only` file set is never changed, and its lock is shared.
        """
        self.folder = folder
        self.read_only = read_only
        self.durable = durable
        self.name = name
        self.manifest_name = f"{MANIFESTS}/{name}.json"
        self._manifest_path = folder / self.manifest_name
        self._journal_path = folder / MANIFESTS / f"{name}.journal"
        self._staging = folder / "staging" / name

    @contextmanager
    def lock(self, timeout_s: float | None = None) -> Iterator[None]:
        """Hold the lock of the file set; complete an interrupted commit first.

        Raises:
            LockTimeoutError: It was not free within `timeout_s`.
        """
        path = self.folder / "locks" / self.name
        with FileLock(path, timeout_s=timeout_s, read_only=self.read_only):
            if self._journal_path.exists() and not self.read_only:
                self._apply(json.loads(self._journal_path.read_bytes()))
            yield

    def manifest(self) -> Manifest | None:
        """Return the committed state; None if there is none or it cannot be read."""
        try:
            raw = json.loads(self._manifest_path.read_bytes())
            files = {name: FileFact(*fact) for name, fact in raw["files"].items()}
            return Manifest(raw["watermark"], raw["facts"], files)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def is_interrupted(self) -> bool:
        """Return whether a process died during a commit, so that files may be inconsistent."""
        if not self._journal_path.exists():
            return False
        path = self.folder / "locks" / self.name
        try:
            with FileLock(path, timeout_s=0.0, read_only=True):
                return self._journal_path.exists()
        except LockTimeoutError:
            return False

    def forget_manifest(self) -> None:
        """Remove the manifest, so that the next build starts from scratch.

        Raises:
            ReadOnlyError: The file set was opened for reading.
        """
        if self.read_only:
            raise ReadOnlyError(self._manifest_path)
        self._manifest_path.unlink(missing_ok=True)

    def findings(self, manifest: Manifest, *, thorough: bool = False) -> list[str]:
        """Return a message for each file that differs from its committed state.

        Size and modification time are compared, and the content if the time differs (a copied
        folder has new times) or always if `thorough`.
        """
        messages = []
        for name, fact in manifest.files.items():
            try:
                stat = (self.folder / name).stat()
            except FileNotFoundError:
                messages.append(f"{name} is missing")
                continue
            compare_content = thorough or stat.st_mtime_ns != fact.mtime_ns
            if stat.st_size != fact.size_bytes or (
                compare_content and sha256_of(self.folder / name) != fact.sha256
            ):
                messages.append(f"{name} differs from its manifest ({fact.rows:,} rows)")
        return messages

    def begin(self) -> Transaction:
        """Start a transaction; remove the staged files of an interrupted one.

        Raises:
            ReadOnlyError: The file set was opened for reading.
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
        with explained("Committing files in", self.folder):
            folders = set()
            for source, name in journal["moves"]:
                target = self.folder / name
                if not target.parent.exists():
                    target.parent.mkdir(parents=True, mode=0o700)
                    folders.add(target.parent.parent)
                folders.add(target.parent)
                if (
                    self.folder / source
                ).exists():  # otherwise already renamed before the interruption
                    (self.folder / source).replace(target)
            for name in journal["removes"]:
                (self.folder / name).unlink(missing_ok=True)
            for folder in folders if self.durable else ():
                fsync_folder(folder)
            self._journal_path.unlink()
            shutil.rmtree(self._staging, ignore_errors=True)


class Transaction:
    """Files staged for a file set until `commit`."""

    def __init__(self, file_set: FileSet, staging: Path) -> None:
        """Use `FileSet.begin`."""
        self._file_set = file_set
        self.folder = staging
        self.staged: dict[str, Path] = {}
        self.removes: list[str] = []
        self.facts: dict[str, FileFact] = {}
        self._path_count = 0

    def path_for(self, name: str) -> Path:
        """Return the path to write the new content of the file `name` to."""
        self._path_count += 1
        return self.folder / f"{self._path_count:06d}-{Path(name).name}"

    def live(self, name: str) -> Path:
        """Return the path of the committed file `name`, which readers may be opening."""
        return self._file_set.folder / name

    def add(self, name: str, written: Path, rows: int, *, vacuumed: bool = False) -> None:
        """Stage a file written to a path of `path_for`; cancel its removal, if any.

        Args:
            name: Name of the file in the file set.
            written: The Parquet file.
            rows: Number of rows.
            vacuumed: Whether it contains nothing but its own data.
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
            0 if vacuumed else unused_bytes(written),
        )
        self.staged[name] = written

    def remove(self, name: str) -> None:
        """Remove a file with the commit."""
        self.removes.append(name)

    def keep_equal(self, old: Manifest) -> None:
        """Unstage files whose content is unchanged, so that readers are not disturbed."""
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
        """Apply the transaction; return the new manifest (`manifest` plus this transaction)."""
        files = manifest.files | self.facts
        for name in self.removes:
            files.pop(name, None)
        new = Manifest(manifest.watermark, manifest.facts, files)
        self._file_set._commit(self, new)
        return new
