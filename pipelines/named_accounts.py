"""Accounts by name: a settings file `accounts/<name>.env` and a data folder `accounts/<name>` each.

An account's file outranks the environment, which holds what accounts have in common. Token, data
folder and name are never taken from the environment: they would belong to another account.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipelines.settings_file import (
    ENV_FILE,
    SettingsError,
    absolute,
    is_store,
    read_env_file,
    searched_folders,
)
from pipelines.suggestions import did_you_mean

ACCOUNTS_FOLDER = "GIVLAKE_ACCOUNTS"
NAME = "GIVLAKE_NAME"
_FOLDER = "accounts"
_SUFFIX = ".env"
_NOT_SHARED = ("GIVENERGY_API_TOKEN", "GIVLAKE_DATA", NAME)
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
NAME_ADVICE = "use at most 32 letters, digits, - and _, of which the first is a letter or digit."


def is_account_name(name: str) -> bool:
    """Return whether an account can have this name."""
    return _VALID.fullmatch(name) is not None


def accounts_folder() -> Path | None:
    """Return the folder of the accounts' files: what GIVLAKE_ACCOUNTS names, else the nearest.

    `accounts` is searched in the working folder and its parents; one without a file of an account
    does not count. None if there is none.

    Raises:
        SettingsError: GIVLAKE_ACCOUNTS names a folder that does not exist.
    """
    if named := os.environ.get(ACCOUNTS_FOLDER):
        folder = absolute(named, ACCOUNTS_FOLDER)
        if not os.access(folder, os.R_OK | os.X_OK) or not folder.is_dir():
            raise SettingsError(
                f"{ACCOUNTS_FOLDER} is {named!r}, which is no folder that you can read: set it to"
                " the folder with the accounts' files NAME.env."
            )
        return folder
    candidates = (folder / _FOLDER for folder in searched_folders())
    return next((folder for folder in candidates if any(_files_in(folder))), None)


def account_files() -> dict[str, Path]:
    """Return the settings files of all accounts by name, in the order of the names.

    Raises:
        SettingsError: There is no such folder, a name is not valid, or two differ only in case.
    """
    folder = accounts_folder()
    if folder is None:
        return {}
    files: dict[str, Path] = {}
    for path in sorted(_files_in(folder)):
        if not is_account_name(path.stem):
            raise SettingsError(f"{path} cannot name an account: {NAME_ADVICE}")
        if path.stem.lower() in map(str.lower, files):
            raise SettingsError(f"{path}: another account has the same name but for its case.")
        files[path.stem] = path
    return files


def account_environment(name: str) -> dict[str, str]:
    """Return the environment of an account, in which its settings and only its own are in force.

    Raises:
        SettingsError: There is no such account, or its file cannot be read.
    """
    if not is_account_name(name):
        raise SettingsError(f"--account is {name!r}: {NAME_ADVICE}")
    files = account_files()
    if name not in files:
        raise SettingsError(f"There is no account {name!r}. {_advice(name, files)}")
    path = files[name]
    values = read_env_file(path, "or use another account.")
    if values.get(NAME, name) != name:
        raise SettingsError(f"{NAME} is {values[NAME]!r} in {path}: name the file so instead.")
    data = absolute(values.get("GIVLAKE_DATA") or name, "GIVLAKE_DATA", path.parent)
    shared = {name: text for name, text in os.environ.items() if name not in _NOT_SHARED}
    return {
        **shared,
        **values,
        NAME: name,
        "GIVLAKE_DATA": str(data),
        ENV_FILE: str(path),
        ACCOUNTS_FOLDER: str(path.parent),
    }


def dagster_home(data: Path) -> Path:
    """Return the folder of Dagster's state: of accounts with names one, beside their files.

    DAGSTER_HOME outranks it; an account without a name has one in its data folder.

    Args:
        data: The data folder.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    # Not by the settings file: child processes read none.
    name, folder = os.environ.get(NAME), os.environ.get(ACCOUNTS_FOLDER)
    if name and folder and Path(folder, f"{name}{_SUFFIX}").is_file():
        return Path(folder).absolute().parent / "dagster"
    return data / "dagster"


def _files_in(folder: Path) -> Iterator[Path]:
    # A file `.env` in the folder has no name. A folder that this user may not see has no files.
    with suppress(OSError):
        yield from [p for p in folder.iterdir() if p.suffix == _SUFFIX and p.is_file()]


def _advice(name: str, files: dict[str, Path]) -> str:
    folder = accounts_folder()
    if folder is not None and is_store(folder / name):
        return (
            f"Its data are in {folder / name}, but its file {folder / name}{_SUFFIX} is missing:"
            " make it again, or rename the folder as you renamed the file."
        )
    if files:
        hint = did_you_mean(name, list(files))
        return hint or f"Those that exist are {', '.join(files)}."
    return (
        f"Make a file {_FOLDER}/{name}{_SUFFIX} with GIVENERGY_API_TOKEN=… here or in a folder"
        f" above, or set {ACCOUNTS_FOLDER} to the folder with the accounts' files."
    )
