"""The settings file: finding it, reading it in usual encodings, saying where it was looked for.

What the settings are is declared in `settings`.
"""

import codecs
import io
import os
import re
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = "GIVLAKE_ENV_FILE"
_NAME = ".env"
# `Path` makes one slash of two. A single letter is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# Of a data folder at least one of these is there, even if a part was lost.
_STORE = ("store.json", "archive", "tables", "settings.json")
_OTHER_FILE = f"set {ENV_FILE} to another file, or to nothing to read no file."
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, None),
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class SettingsError(Exception):
    """A setting is not valid; the message names it, its value and what to do."""


def env_file() -> Path | None:
    """Return the settings file: the one that GIVLAKE_ENV_FILE names, else the nearest `.env`.

    `.env` is searched in the working folder and its parents; an empty GIVLAKE_ENV_FILE means none.

    Raises:
        SettingsError: GIVLAKE_ENV_FILE names a file that does not exist.
    """
    named = os.environ.get(ENV_FILE)
    if named == "":
        return None
    if named is None:
        # A folder of this name, such as a virtual environment, holds no settings.
        candidates = (folder / _NAME for folder in searched_folders())
        return next((path for path in candidates if _is_folder(path) is False), None)
    path = absolute(named, ENV_FILE)
    try:
        is_file = not stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        is_file = True  # Reading it says what is wrong.
    except OSError:
        is_file = False
    if not is_file:
        raise SettingsError(f"{ENV_FILE} is {named!r}, which does not exist: {_OTHER_FILE}")
    return path


def read_env_file(path: Path | None, otherwise: str = _OTHER_FILE) -> dict[str, str]:
    """Return the variables in a settings file; those without a value are left out.

    Args:
        path: The file.
        otherwise: What to do, for the message, if it cannot be made readable.

    Raises:
        SettingsError: The file cannot be read, or is not text in UTF-8 or UTF-16.
    """
    if path is None:
        return {}
    try:
        text = _decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else str(error)) or "unknown error"
        advice = "make it readable" if isinstance(error, OSError) else "save it as UTF-8"
        raise SettingsError(
            f"The settings file {path} cannot be read ({reason}): {advice}, {otherwise}"
        ) from error
    return {n: v for n, v in dotenv_values(stream=io.StringIO(text)).items() if v}


def merged_environment(values: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment, supplemented by the settings file; an empty variable counts as unset.

    Args:
        values: What the file contains; None reads it.

    Raises:
        SettingsError: The file cannot be read.
    """
    if values is None:
        values = read_env_file(env_file())
    return {**values, **{name: value for name, value in os.environ.items() if value}}


def search_description() -> str:
    """Return where settings were looked for, as the end of a sentence without a full stop."""
    try:
        path = env_file()
    except SettingsError as error:
        return str(error).rstrip(".")
    if path is not None:
        return f"settings were read from the environment and {path}"
    if os.environ.get(ENV_FILE) == "":
        return f"settings were read from the environment only, as {ENV_FILE} is empty"
    searched = list(searched_folders())
    where = f"in {searched[0]} or a folder above it" if searched else "without a working folder"
    folders = [str(folder / _NAME) for folder in searched if _is_folder(folder / _NAME)]
    other = f" ({folders[0]} is a folder)" if folders else ""
    return f"settings were read from the environment only: no {_NAME} file was found {where}{other}"


def readable_by_others(path: Path) -> str | None:
    """Return the permissions of a file if other users may read it, such as `0644`; else None."""
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"{mode:04o}" if mode & (stat.S_IRGRP | stat.S_IROTH) else None


def access_note(folder: Path) -> str | None:
    """Return a note, without a full stop, if other users may read a folder; else None."""
    if not folder.exists() or (mode := readable_by_others(folder)) is None:
        return None
    return (
        f"other users can read {folder} (mode {mode}): run chmod go-rwx {shlex.quote(str(folder))}"
    )


def absolute(path: str | Path, name: str, base: Path | None = None) -> Path:
    """Return the path that a setting names as an absolute path.

    Args:
        path: The value; `~` is the home folder.
        name: The setting.
        base: The folder to which a relative path refers; None for the working folder.

    Raises:
        SettingsError: It is an address, there is no such home folder, or no working folder.
    """
    if _ADDRESS.match(str(path)):
        raise SettingsError(
            f"{name} is {str(path)!r}, which is no path: use one of this machine. Tables can be"
            " published to an object store with givlake publish."
        )
    try:
        expanded = Path(path).expanduser()
        return base / expanded if base is not None else expanded.absolute()
    except RuntimeError as error:
        raise SettingsError(
            f"{name} is {str(path)!r}, and that home folder is not known: use an absolute path."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{name} is {str(path)!r}, and the working folder cannot be used ({error.strerror}):"
            " use an absolute path, or change to another folder."
        ) from error


def data_folder(
    environment: Mapping[str, str], values: Mapping[str, str], file: Path | None
) -> Path:
    """Return the data folder, wherever one stands.

    A relative path in the settings file, and the default, refer to the folder of that file; one in
    the environment refers to the working folder.

    Args:
        environment: The environment.
        values: The variables of the settings file.
        file: The settings file.

    Raises:
        SettingsError: The folder is not known, or an earlier version has used another one.
    """
    name, default = "GIVLAKE_DATA", "data"
    if environment.get(name):
        return absolute(environment[name], name)
    value = values.get(name) or default
    if file is None:
        return absolute(value, name)
    folder = absolute(value, name, file.parent)
    former = next(iter(searched_folders()), file.parent) / Path(value).expanduser()
    if former != folder and is_store(former) and not is_store(folder):
        raise SettingsError(
            f"The data folder is {folder}, beside the settings file {file}, and there is none; but"
            f" {former} is one: move it there, or set {name}={former} in {file}."
        )
    return folder


def is_store(folder: Path) -> bool:
    """Return whether a data folder is there; true if that cannot be seen."""
    for name in _STORE:
        try:
            (folder / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # Opening it says what is wrong.
        return True
    return False


def _is_folder(path: Path) -> bool | None:
    """Return whether a path is a folder; None if it does not exist or cannot be seen."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return None


def searched_folders() -> Iterator[Path]:
    """Yield the working folder and those above it; none if there is no working folder."""
    try:
        folder = Path.cwd()
    except OSError:
        return
    yield folder
    yield from folder.parents


def _decoded(content: bytes) -> str:
    """Return the text of a settings file.

    Raises:
        ValueError: It is no text in UTF-8 or UTF-16; the message names what it seems to be.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            if encoding is None:
                raise ValueError("it is UTF-32 text")
            break
    else:
        encoding = "utf-8"
        if b"\0" in content[:2]:
            encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        kind = "UTF-16" if encoding.startswith("utf-16") else "UTF-8"
        other = ", perhaps Latin-1 or Windows-1252" if kind == "UTF-8" else ""
        raise ValueError(f"line {line} is not {kind} text{other}") from error
    if "\0" in text:
        raise ValueError("it contains zero bytes, as a damaged file or one that is no text does")
    return text
