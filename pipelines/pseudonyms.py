"""Store the key with which ID tags are turned into pseudonyms.

A tag keeps its pseudonym as long as the key exists; without the key a tag cannot be found by
trying all tags.
"""

import os
import secrets
from pathlib import Path

from pipelines.settings_file import SettingsError
from warehouse.storage.atomic_files import fsync_file, publish, reason_of
from warehouse.storage.file_locks import FileLock

_KEY_BYTES = 32


def pseudonym_key(state: Path) -> bytes:
    """Return the key; the first process that needs it creates it.

    Args:
        state: The folder of the file, on a local disk.

    Raises:
        SettingsError: The file cannot be read or written, or does not contain a key.
    """
    path = state / "pseudonym.key"
    try:
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    _create(path)
        key = path.read_bytes()
    except OSError as error:
        reason = reason_of(error, path) or (
            f"{error.strerror}: make the file readable and its folder writable for this user"
        )
        raise SettingsError(
            f"The pseudonym key {path} cannot be read or created: {reason}."
        ) from error
    if len(key) != _KEY_BYTES:
        raise SettingsError(
            f"The pseudonym key {path} has {len(key)} bytes instead of {_KEY_BYTES}: restore it"
            " from a backup, or remove it, after which ID tags get new pseudonyms."
        )
    return key


def _create(path: Path) -> None:
    # Under the lock one process writes at a time; it replaces the file that a killed one left.
    staged = path.with_suffix(".new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    fsync_file(staged)
    publish(staged, path)
