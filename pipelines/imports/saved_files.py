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
from dataclasses import dataclass, field
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
        archive: The archive, which is open while its members are read one after the other.
    """

    name: str
    modified_at: datetime
    path: Path
    member: str | None = None
    archive: zipfile.ZipFile | None = field(default=None, repr=False, compare=False)

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of the file as found; of a zip's member without the compression.

        Raises:
            UnreadableFileError: It cannot be read.
        """
        digest = hashlib.sha256()
        with self._opened() as (stream, _):
            while piece := stream.read(_PIECE_BYTES):
                digest.update(piece)
        return digest.digest()

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """Open the content, without its compression by gzip; reading raises the same error.

        Raises:
            UnreadableFileError: It cannot be read.
        """
        with self._opened() as (stream, packed_bytes):
            if stream.peek(len(_GZIP)).startswith(_GZIP):
                with gzip.open(stream) as unpacked:
                    yield io.BufferedReader(_Checked(unpacked, packed_bytes))
            else:
                yield stream

    @contextmanager
    def _opened(self) -> Iterator[tuple[io.BufferedReader, int]]:
        """Open the file as found; yield it with its size in the file system or the archive."""
        with ExitStack() as opened:
            try:
                stream: IO[bytes]
                if self.member is None:
                    stream = opened.enter_context(self.path.open("rb"))
                    packed_bytes = self.path.stat().st_size
                else:
                    archive = self.archive
                    if archive is None or archive.fp is None:
                        archive = opened.enter_context(zipfile.ZipFile(self.path))
                    stream = opened.enter_context(archive.open(self.member))
                    packed_bytes = archive.getinfo(self.member).compress_size
            except _DAMAGE as error:
                raise UnreadableFileError(_reason(error)) from error
            yield io.BufferedReader(_Checked(stream, packed_bytes)), packed_bytes


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


def is_archive(head: bytes) -> bool:
    """Return whether a file that begins with these bytes is a zip or tar archive."""
    return head.startswith(_ZIP) or head[_TAR_AT : _TAR_AT + 5] == b"ustar"


def saved_files(named: Sequence[Path]) -> Iterator[SavedFile | Unreadable]:
    """Yield the files that were named, the files of a folder before those of its subfolders.

    Links are not followed, and hidden files are left out, unless they are named themselves.

    Args:
        named: Files and folders, which exist. Of several folders, names begin with the folder's.
    """
    for path in named:
        name = PurePosixPath(path.absolute().name)
        if path.is_dir():
            yield from _in_folder(path, PurePosixPath() if len(named) == 1 else name)
        else:
            yield from _file(path, name)


def _in_folder(folder: Path, below: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Unreadable(f"{_text(below if below.name else folder.name)}/", _reason(error))
        return
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in entries:
        name = below / entry.name
        if entry.is_symlink():
            yield Unreadable(_text(name), "it is a link, which is not followed")
        elif not entry.is_dir():
            yield from _file(Path(entry.path), name)
    for entry in entries:
        if not entry.is_symlink() and entry.is_dir():
            yield from _in_folder(Path(entry.path), below / entry.name)


def _file(path: Path, name: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            yield Unreadable(_text(name), "it is no regular file")
            return
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as error:
        yield Unreadable(_text(name), _reason(error))
        return
    if head.startswith(_ZIP):
        yield from _members(path, name)
    elif is_archive(head):
        yield Unreadable(_text(name), "it is a tar archive: unpack it and name the folder")
    else:
        yield SavedFile(_text(name), datetime.fromtimestamp(facts.st_mtime, UTC), path)


def _members(path: Path, name: PurePosixPath) -> Iterator[SavedFile | Unreadable]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        yield Unreadable(_text(name), _reason(error))
        return
    with archive:
        members = [each for each in archive.infolist() if not each.is_dir()]
        for member in sorted(members, key=_files_first):
            parts = PurePosixPath(member.filename).parts
            if any(part.startswith((".", "__MACOSX")) for part in parts):
                continue
            member_name = _text(name / member.filename.lstrip("/"))
            yield SavedFile(member_name, _zip_time(member), path, member.filename, archive)


def _files_first(member: zipfile.ZipInfo) -> list[tuple[bool, str]]:
    *folders, file = PurePosixPath(member.filename).parts or ("",)
    return [*((True, folder) for folder in folders), (False, file)]


def _zip_time(member: zipfile.ZipInfo) -> datetime:
    """Return when a member was changed; a zip does not say in which zone: the machine's."""
    try:
        return datetime(*member.date_time).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _text(name: object) -> str:
    """Return a name as text, also one that is not UTF-8."""
    return os.fsencode(str(name)).decode("utf-8", "backslashreplace")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    if isinstance(error, RuntimeError) and "encrypted" in str(error):
        return "it is encrypted: unpack it and name the folder"
    return f"it is damaged ({str(error) or type(error).__name__})"
