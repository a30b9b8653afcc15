"""Accounts by name: a settings file `accounts/<name>.env` and a data folder `accounts/<name>` each.

An account's file outranks the environment, which holds what accounts have in common. Token, data
folder and name are never taken from the environment: they would belong to another account.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
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
_DATA = "GIVLAKE_DATA"
_FOLDER = "accounts"
_SUFFIX = ".env"
_NOT_SHARED = ("GIVENERGY_API_TOKEN", _DATA, NAME)
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
NAME_ADVICE = "use at most 32 letters, digits, - and _, of which the first is a letter or digit."


@dataclass(frozen=True, slots=True)
class _Folder:
    """The data folder of an account.

    Attributes:
        path: The folder.
        resolved: Where it is, without links.
        is_set: Whether the account's file names it.
    """

    path: Path
    resolved: str
    is_set: bool


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

    A file whose name no account can have is left out: `account_environments` says so.

    Raises:
        SettingsError: GIVLAKE_ACCOUNTS names a folder that does not exist.
    """
    return {name: path for name, path in _named_files().items() if is_account_name(name)}


def account_environment(name: str) -> dict[str, str]:
    """Return the environment of an account, in which its settings and only its own are in force.

    Raises:
        SettingsError: There is no such account, its file cannot be read, or its data folder is that
            of another account.
    """
    if not is_account_name(name):
        raise SettingsError(f"--account is {name!r}: {NAME_ADVICE}")
    files = account_files()
    if name not in files:
        raise SettingsError(f"There is no account {name!r}. {_advice(name, files)}")
    return _environment(name, files, _folders(files))


def account_environments() -> dict[str, dict[str, str] | SettingsError]:
    """Return the environment of each account by its name, or why it cannot be used.

    A file whose name no account can have is among them.

    Raises:
        SettingsError: GIVLAKE_ACCOUNTS names a folder that does not exist.
    """
    files = account_files()
    folders = _folders(files)
    found: dict[str, dict[str, str] | SettingsError] = {}
    for name, path in _named_files().items():
        try:
            if not is_account_name(name):
                raise SettingsError(f"{path} cannot name an account: {NAME_ADVICE}")
            found[name] = _environment(name, files, folders)
        except SettingsError as error:
            found[name] = error
    return found


def _environment(
    name: str, files: Mapping[str, Path], folders: Mapping[str, _Folder]
) -> dict[str, str]:
    path = files[name]
    if twins := [path for other, path in files.items() if _differ_in_case(name, other)]:
        raise SettingsError(f"{path}: {twins[0].name} has the same name but for its case.")
    values = read_env_file(path, "or use another account.")
    if values.get(NAME, name) != name:
        raise SettingsError(f"{NAME} is {values[NAME]!r} in {path}: name the file so instead.")
    folder = _folder(name, path, values)
    _refuse_shared(name, folder, files, folders)
    shared = {name: text for name, text in os.environ.items() if name not in _NOT_SHARED}
    return {
        **shared,
        **values,
        NAME: name,
        _DATA: str(folder.path),
        ENV_FILE: str(path),
        ACCOUNTS_FOLDER: str(path.parent),
    }


def _folder(name: str, file: Path, values: Mapping[str, str]) -> _Folder:
    data = absolute(values.get(_DATA) or name, _DATA, file.parent)
    return _Folder(data, os.path.realpath(data), _DATA in values)


def _folders(files: Mapping[str, Path]) -> dict[str, _Folder]:
    """Return the data folders of accounts; one whose file cannot be read has none."""
    folders = {}
    for name, path in files.items():
        with suppress(SettingsError):
            folders[name] = _folder(name, path, read_env_file(path))
    return folders


def _refuse_shared(
    name: str, folder: _Folder, files: Mapping[str, Path], folders: Mapping[str, _Folder]
) -> None:
    """Refuse an account with the data folder of another.

    One that has its usual folder keeps it: what is wrong is the file that names it as another's.

    Raises:
        SettingsError: It is the data folder of another account too.
    """
    for other, its in folders.items():
        if other == name or its.resolved != folder.resolved:
            continue
        if its.is_set and not folder.is_set:
            continue
        setters = [files[each] for each in (name, other) if folders[each].is_set]
        where = " and ".join(map(str, setters)) or f"a link, {folder.path} or {its.path}"
        raise SettingsError(
            f"GIVLAKE_DATA of {name} is {str(folder.path)!r}, which is the data folder of {other}:"
            f" use another folder for each account. It is set in {where}."
        )


def _differ_in_case(name: str, other: str) -> bool:
    return name != other and name.lower() == other.lower()


def dagster_home(data: Path) -> Path:
    """Return the folder of Dagster's state: of accounts with names one, beside their files.

    DAGSTER_HOME outranks it; an account without a name has one in its data folder.

    Args:
        data: The data folder.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    if account_in_force() is not None:
        return Path(os.environ[ACCOUNTS_FOLDER]).absolute().parent / "dagster"
    return data / "dagster"


def account_in_force() -> str | None:
    """Return the name of the account with a file whose settings this process has; None if none."""
    # Not by the settings file: child processes read none.
    name, folder = os.environ.get(NAME), os.environ.get(ACCOUNTS_FOLDER)
    is_named = name and folder and Path(folder, f"{name}{_SUFFIX}").is_file()
    return name if is_named else None


def _named_files() -> dict[str, Path]:
    folder = accounts_folder()
    return {} if folder is None else {path.stem: path for path in sorted(_files_in(folder))}


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
