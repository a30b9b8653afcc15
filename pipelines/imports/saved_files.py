"""Find the files that were named, also in folders and zip archives, and open them one by one.

What a file is follows from its content: gzip and zip are recognised by their first bytes. Nothing
is unpacked to disk, and no more of a file than a piece is in memory.
"""

import gzip
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_AT = 257
_HEAD_BYTES = 512
_PIECE_BYTES = 1 << 20
# JSON with indentation shrinks thirtyfold, files that are made to fill a disk a thousandfold.
_MOST_EXPANSION = 300
_FREE_BYTES = 64 << 20
# What a damaged or encrypted archive raises.
_DAMAGE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)


class UnreadableFileError(Exception):
    """A file that cannot be read; the message says why."""


@dataclass(frozen=True)
class SavedFile:
    """A file, or a member of a zip archive.

    Attributes:
        name: Its path below what was named; `archive.zip/member` in an archive.
        modified_at: When it was last changed, UTC.
        path: Where it is; the archive's path for a member.
        member: Name of the member; None if it is no archive's.
    """

    name: str
    modified_at: datetime
    path: Path
    member: str | None = None

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of the file as found; of a zip's member without the compression.

        Raises:
            UnreadableFileError: It cannot be read.
        """
        digest = hashlib.sha256()
        with self._opened() as stream:
            while piece := stream.read(_PIECE_BYTES):
                digest.update(piece)
        return digest.digest()

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """Open the content, without its compression by gzip; reading raises the same error.

        Raises:
            UnreadableFileError: It cannot be read.
        """
        with self._opened() as stream:
            if stream.peek(len(_GZIP)).startswith(_GZIP):
                with gzip.open(stream) as unpacked:
                    yield io.BufferedReader(_Checked(unpacked, self._packed_bytes()))
            else:
                yield stream

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedReader]:
        with ExitStack() as opened:
            try:
                stream: IO[bytes]
                if self.member is None:
                    stream = opened.enter_context(self.path.open("rb"))
                else:
                    archive = opened.enter_context(zipfile.ZipFile(self.path))
                    stream = opened.enter_context(archive.open(self.member))
                packed_bytes = self._packed_bytes()
            except _DAMAGE as error:
                raise UnreadableFileError(_reason(error)) from error
            yield io.BufferedReader(_Checked(stream, packed_bytes))

    def _packed_bytes(self) -> int:
        if self.member is None:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).compress_size


class _Checked(io.RawIOBase):
    """A stream that says why it cannot be read, and that ends if it unpacks to too much."""

    def __init__(self, stream: "IO[bytes] | gzip.GzipFile", packed_bytes: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = max(_FREE_BYTES, packed_bytes * _MOST_EXPANSION)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise UnreadableFileError(_reason(error)) from error
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableFileError(
                f"it unpacks to more than {_MOST_EXPANSION} times its size, as no saved answer does"
            )
        buffer[: len(piece)] = piece
        return len(piece)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What was found and cannot be read as a file."""

    name: str
    reason: str


def saved_files(named: Sequence[Path]) -> Iterator[SavedFile | Unreadable]:
    """Yield the files that were named, the files of a folder before those of its subfolders.

    Links are not followed, and hidden files are left out, unless they are named themselves.

    Args:
        named: Files and folders, which exist.
    """
    for path in named:
        if path.is_dir():
            yield from _in_folder(path, PurePosixPath())
        else:
            yield from _file(path, PurePosixPath(path.name))


def _in_folder(folder: Path, below: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Unreadable(f"{below or folder.name}/", _reason(error))
        return
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in entries:
        name = below / entry.name
        if entry.is_symlink():
            yield Unreadable(str(name), "it is a link, which is not followed")
        elif not entry.is_dir():
            yield from _file(Path(entry.path), name)
    for entry in entries:
        if not entry.is_symlink() and entry.is_dir():
            yield from _in_folder(Path(entry.path), below / entry.name)


def _file(path: Path, name: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            yield Unreadable(str(name), "it is no regular file")
            return
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        yield Unreadable(str(name), _reason(error))
        return
    if head.startswith(_ZIP):
        yield from _members(path, name)
    elif head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        yield Unreadable(str(name), "it is a tar archive: unpack it and name the folder")
    else:
        yield SavedFile(str(name), datetime.fromtimestamp(facts.st_mtime, UTC), path)


def _members(path: Path, name: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
    except _DAMAGE as error:
        yield Unreadable(str(name), _reason(error))
        return
    for member in sorted(members, key=_files_first):
        parts = PurePosixPath(member.filename).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        yield SavedFile(
            str(name / member.filename.lstrip("/")), _zip_time(member), path, member.filename
        )


def _files_first(member: zipfile.ZipInfo) -> list[tuple[bool, str]]:
    *folders, file = PurePosixPath(member.filename).parts or ("",)
    return [*((True, folder) for folder in folders), (False, file)]


def _zip_time(member: zipfile.ZipInfo) -> datetime:
    """Return when a member was changed; a zip does not say in which zone: the machine's."""
    try:
        return datetime(*member.date_time).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    if isinstance(error, RuntimeError) and "encrypted" in str(error):
        return "it is encrypted: unpack it and name the folder"
    return f"it is damaged ({str(error) or type(error).__name__})"
