"""The key by which ID tags become pseudonyms, kept in the data folder; what they are is not here.

The same tag has the same pseudonym for as long as the key stays, and nobody without it can find a
tag by trying them all.
"""

import os
import secrets
from pathlib import Path

from pipelines.settings import SettingsError
from warehouse.storage.atomic_files import fsync_file, publish
from warehouse.storage.locks import FileLock

_KEY_BYTES = 32


def pseudonym_key(state: Path) -> bytes:
    """Give the key, which the first process that asks for it makes.

    Args:
        state: The folder of the file, on a disk of this machine.

    Raises:
        SettingsError: if it cannot be read or written, or if what is stored is no key.
    """
    path = state / "pseudonym.key"
    try:
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{path}, the key to the pseudonyms of ID tags, cannot be used ({error.strerror}): make"
            " it a file that this user can read, in a folder that this user can write to."
        ) from error
    if len(key) != _KEY_BYTES:
        raise SettingsError(
            f"{path} holds {len(key)} bytes and not the {_KEY_BYTES} of a key: bring it back from a"
            " backup, or remove it, after which ID tags get other pseudonyms."
        )
    return key


def _make(path: Path) -> None:
    # One name for all, as only one writes at a time: what a killed process leaves is written over.
    staged = path.with_suffix(".new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    fsync_file(staged)
    publish(staged, path)
