"""Faults of this machine, in one sentence: the file, its owner and the command that fixes it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from warehouse.storage.atomic_files import reason_of
from warehouse.storage.ownership import permission_problem, unusable_below

if TYPE_CHECKING:
    from pipelines.settings import Settings

_NO_TEMPORARY_FOLDER = "No usable temporary directory"


class RunFailedError(RuntimeError):
    """A run of Dagster ended by an error that the assets do not report; Dagster's text of it."""


def describe_local_fault(error: BaseException, settings: Settings | None) -> str | None:
    """Return what is wrong with files or folders of this machine; None for any other error.

    Args:
        error: What ended a command.
        settings: The settings of the command, if it has read them.
    """
    folder = settings.data if settings is not None else Path()
    for cause in _causes(error):
        if _NO_TEMPORARY_FOLDER in str(cause):
            return "There is no usable temporary folder: set TMPDIR to a folder that you can write."
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            return f"The address is in use ({cause}): stop the other program or use another port."
        if isinstance(cause, OSError | duckdb.Error | RunFailedError):
            name = getattr(cause, "filename", None) or folder
            reason = reason_of(cause, folder)
            if reason is not None:
                return f"{name} cannot be used because {reason}, then run the same command again."
    return None


def permission_sentence(folder: Path) -> str:
    """Return who owns a file in a folder that this user cannot write, "" if there is none."""
    blocked = unusable_below(folder)
    return "" if blocked is None else f" {permission_problem(blocked)}."


def port_fault(host: str, port: int) -> str | None:
    """Return why a server cannot listen at an address; None if it can."""
    import socket

    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        advice = {
            errno.EADDRINUSE: f"stop the program that uses it (`ss -ltnp | grep {port}` names it),"
            " or choose another port with --port",
            errno.EACCES: "ports below 1024 are root's: choose another with --port",
        }.get(error.errno or 0, "use an address of this machine for --host")
        return f"Nothing can listen at {host}, port {port} ({error.strerror}): {advice}."
    return None


def _causes(error: BaseException) -> Iterator[Exception]:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Exception):
            yield cause
        cause = cause.__cause__ or cause.__context__


def dagster_home() -> Path:
    """Return the folder of Dagster's state."""
    return Path(os.environ.get("DAGSTER_HOME", "."))
