"""The place that tables are published to: a folder, or a bucket of an object store."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from warehouse.errors import TargetError

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyarrow.fs import FileSystem

# Of the variables that the object stores' own programs read too.
CREDENTIAL_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_")
# A network that is away for longer ends the publication; the next one goes on.
_OPTIONS = {"timeout": "60s", "connect_timeout": "10s", "max_retries": "5", "retry_timeout": "60s"}
_OPENED_AT_ONCE = 8
# Which of several stores a bucket is in, which its URL does not say.
_STORES = {
    **dict.fromkeys(("s3", "s3a"), ("AWS_ENDPOINT_URL", "AWS_ENDPOINT")),
    **dict.fromkeys(
        ("az", "abfs", "abfss"), ("AZURE_STORAGE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_NAME")
    ),
}
_CALLS = re.compile(r" 0: .* 1: .*")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SECRET_WORDS = ("SECRET", "KEY", "TOKEN", "PASSWORD", "CREDENTIAL")
_REASONS = (
    (("NoSuchBucket", "ContainerNotFound", "bucket does not exist"), "there is no such bucket"),
    (
        (
            *("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden"),
            *("Unauthenticated", "Unauthorized", "AuthenticationFailed"),
            *("lacked the required permissions", "credential", "InvalidToken"),
        ),
        "the store refuses the credentials, or there are none",
    ),
    (("No space left", "QuotaExceeded"), "there is no space left"),
    (("Read-only file system",), "the file system is read-only"),
    (("Permission denied", "not permitted"), "permission is denied"),
    (
        ("error sending request", "onnection refused", "timed out", "dns error", "connect error"),
        "the store cannot be reached",
    ),
)


class DeltaTarget:
    """A folder or bucket with a Delta table in each folder.

    Attributes:
        url: Its path or URL, as it is shown.
        is_known_store: Whether it is a folder, or with AWS, Google or Azure.
        store: Which store a URL's bucket is in; "" if it is a folder.
    """

    def __init__(self, url: str, credentials: Mapping[str, str]) -> None:
        """Refer to a target without reading anything.

        Args:
            url: A path, or a URL such as `s3://bucket/folder`.
            credentials: Options of the object store by their usual variables.
        """
        self.url = url.rstrip("/")
        self.folder = None if "://" in url else Path(url).expanduser().absolute()
        self._options = {} if self.folder else {**_OPTIONS, **credentials}
        self._opened: dict[str, DeltaTable | None] = {}
        self.store, endpoint = "", ""
        scheme = urlsplit(url).scheme
        if self.folder is None:
            named = (credentials.get(name) for name in _STORES.get(scheme, ()))
            self.store = next(filter(None, named), scheme)
        if scheme in ("s3", "s3a"):
            endpoint = credentials.get("AWS_ENDPOINT_URL", credentials.get("AWS_ENDPOINT", ""))
            if endpoint.startswith("http://"):
                self._options.setdefault("AWS_ALLOW_HTTP", "true")
            if endpoint:
                self._options.setdefault("AWS_REGION", "us-east-1")
            # A commit creates its file only if nobody else has: no other lock is needed.
            self._options["aws_conditional_put"] = "etag"
        self.is_known_store = not endpoint

    @property
    def options(self) -> dict[str, str]:
        """Options of deltalake for the object store, with secrets."""
        return dict(self._options)

    def check(self, *, is_known: bool) -> None:
        """Make the folder if the target is one, and check that it can be written to.

        Args:
            is_known: Whether it must have something already, and is not made.

        Raises:
            OSError: It cannot.
            TargetError: It has nothing, as a disk that is not mounted.
        """
        if is_known and not self.folders():
            raise TargetError(
                f"{self.url} has nothing of what was published to it: run the same command again"
                " when it is mounted or reached as before; if it is gone for good, remove it from"
                " published_to in state.json"
            )
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Log files are created, so a folder without permission fails here and not halfway.
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "Permission denied", str(self.folder))

    def folders(self) -> list[str]:
        """Return the names of all folders that are there, of tables or of what is left of them."""
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import FileSelector, FileType, PyFileSystem

        if self.folder is not None and not self.folder.is_dir():
            return []
        root = PyFileSystem(DeltaStorageHandler(str(self.folder or self.url), self.options or None))
        found = root.get_file_info(FileSelector("", recursive=False, allow_not_found=True))
        return sorted(each.base_name for each in found if each.type == FileType.Directory)

    def table_url(self, name: str) -> str:
        """Return the path or URL of a table."""
        return str(self.folder / name) if self.folder else f"{self.url}/{name}"

    def open(self, name: str) -> DeltaTable | None:
        """Return a table in its present state, or that of `open_all`; None if there is none."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        if name in self._opened:
            return self._opened.pop(name)
        try:
            return DeltaTable(self.table_url(name), storage_options=self.options or None)
        except TableNotFoundError:
            return None

    def open_all(self, names: Iterable[str]) -> list[str]:
        """Open tables at once, each for the next call of `open`: a store takes a while for each.

        Returns:
            The names of those that are there.

        Raises:
            TargetError: One cannot be opened.
        """

        def opened(name: str) -> DeltaTable | None:
            with self.explained(f"Opening {name}"):
                return self.open(name)

        names = list(names)
        with ThreadPoolExecutor(_OPENED_AT_ONCE) as pool:
            self._opened = dict(zip(names, pool.map(opened, names), strict=True))
        return [name for name, table in self._opened.items() if table is not None]

    def files(self, name: str) -> FileSystem:
        """Return the files of a table as a file system."""
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        if self.folder:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        handler = DeltaStorageHandler(self.table_url(name), self.options or None)
        return PyFileSystem(handler)

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Convert errors of the store into one sentence, without secrets.

        Raises:
            TargetError: With what was being done, and why it failed.
        """
        from deltalake.exceptions import DeltaError

        try:
            yield
        except (DeltaError, OSError) as error:
            raise TargetError(
                f"{doing} in {self.url} failed: {self._reason(error)}; once that is mended, run"
                " the same command again, which goes on"
            ) from error

    def _reason(self, error: Exception) -> str:
        text = _CALLS.sub("", " ".join(_COLOURS.sub("", str(error)).split()))
        if isinstance(error, OSError) and error.errno in (errno.ENOTDIR, errno.EEXIST):
            return f"{error.filename or self.url} is no folder"
        reason = next((why for signs, why in _REASONS if any(sign in text for sign in signs)), None)
        return reason or self.without_secrets(text)[:300].rstrip(". ")

    def without_secrets(self, text: str) -> str:
        """Return a text without the values of credentials."""
        for name, value in self._options.items():
            if value and any(word in name.upper() for word in _SECRET_WORDS):
                text = text.replace(value, "…")
        return text


def credentials_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of object stores in an environment."""
    return {
        name: value for name, value in environment.items() if name.startswith(CREDENTIAL_PREFIXES)
    }
