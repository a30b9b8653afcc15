"""Dagster's settings: what givlake sets, with the owner's `dagster.override.yaml` over it."""

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from pipelines.settings_file import SettingsError

OVERRIDE = "dagster.override.yaml"
_STORAGES = ("run_storage", "event_log_storage", "schedule_storage")
_DRIVERS = ("psycopg", "psycopg2", "dagster_postgres")
_DEFAULT_FOLDER = "data/dagster"
_EXTRA = "dagster_postgres"
_ADDRESSES = {"postgres_url", "postgres_db"}
_PASSWORD = re.compile(r"://[^\s:@]*:[^\s@]+@|password[\"']?:\s*[^\s{]")
_UNSET = re.compile(r"(You have attempted to fetch the environment variable .* not set)")
_REST = re.compile(r"\.( (Expected|Value)\b.*)?$")
_QUOTED = re.compile(r'"(\w+)"')
_WRITTEN_BY = "# Written by givlake, which replaces it: put your own settings into "
_DIGEST = "# sha256 of what follows: "


def instance_text(home: Path) -> str:
    """Return the content of `dagster.yaml` for a folder of Dagster's state.

    Raises:
        SettingsError: The override file cannot be used.
    """
    # The package's copy of the project's file: an installation has no project folder.
    text = resources.files("pipelines").joinpath("dagster.yaml").read_text()
    text = text.replace(_DEFAULT_FOLDER, home.as_posix())
    if override := _read(home / OVERRIDE):
        merged = _merged(yaml.safe_load(text), override)
        text = yaml.safe_dump(_with_kept_connections(merged, home), sort_keys=False)
    return f"{_WRITTEN_BY}{OVERRIDE} beside it.\n{_DIGEST}{_digest(text)}\n{text}"


def is_in_postgres(text: str) -> bool:
    """Return whether a `dagster.yaml` puts Dagster's state, or a part of it, into PostgreSQL."""
    settings = yaml.safe_load(text) or {}
    blocks = [settings.get(name) for name in ("storage", *_STORAGES)]
    return "postgres" in json.dumps(blocks).lower()


def override_with_password(home: Path) -> Path | None:
    """Return the owner's settings if a password seems to be in them; None if not."""
    file = home / OVERRIDE
    try:
        return file if _PASSWORD.search(file.read_text("utf-8")) else None
    except (OSError, UnicodeError):
        return None


def is_edited(text: str) -> bool:
    """Return whether someone else than givlake wrote or changed a `dagster.yaml`."""
    note, _, rest = text.partition("\n")
    digest, _, content = rest.partition("\n")
    return not note.startswith(_WRITTEN_BY) or digest != f"{_DIGEST}{_digest(content)}"


def describe_invalid(home: Path, error: dg.DagsterInvalidConfigError) -> SettingsError:
    """Return what is wrong with the settings that Dagster refuses, with file and line."""
    message = (error.error_messages or [error.message])[0]
    # Dagster's text goes on with all that it accepts, and can end with the values, as a password.
    unset = _UNSET.search(message)
    reason = unset[1] if unset else _REST.sub("", message.splitlines()[0])
    names = [*(error.errors[0].stack.levels if error.errors else ()), *_QUOTED.findall(reason)]
    return _refused(home, names, reason)


def describe_missing(home: Path, error: ModuleNotFoundError) -> SettingsError | None:
    """Return what to do about a package for PostgreSQL; None if it is another that is missing."""
    name = (error.name or "").partition(".")[0]
    if name not in _DRIVERS:
        return None
    installed = all(importlib.util.find_spec(each) is not None for each in (_EXTRA, "psycopg2"))
    advice = (
        "put what its `storage` has into"
        f" {home / OVERRIDE}, or write an address as postgresql+psycopg2://"
        if installed
        else "run pip install 'givlake[postgres]'"
    )
    file = home / OVERRIDE
    return SettingsError(
        f"{file if file.exists() else home / 'dagster.yaml'} needs {name} for PostgreSQL, which is"
        f" not installed: {advice}"
    )


def file_in_use() -> str:
    """Return the name of the file that has the owner's settings of Dagster."""
    home = os.environ.get("DAGSTER_HOME")
    is_own = home and not Path(home, OVERRIDE).exists()
    return str(Path(home, "dagster.yaml")) if home and is_own else OVERRIDE


def _refused(home: Path, names: Iterable[str], reason: str) -> SettingsError:
    """Return the refusal of the innermost of some settings."""
    file = home / OVERRIDE
    if not file.exists():
        return SettingsError(f"{home / 'dagster.yaml'} cannot be used ({reason}): correct it.")
    lines = dict(_lines(yaml.compose(file.read_text("utf-8"))))
    line = next((lines[name] for name in reversed([*names]) if name in lines), 1)
    return SettingsError(f"{file}, line {line}, cannot be used ({reason}): correct it.")


def _read(file: Path) -> dict[str, Any]:
    """Return the owner's settings; none if there is no file.

    Raises:
        SettingsError: It cannot be read, or is no mapping in YAML.
    """
    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}," if mark is not None else ""
        what = getattr(error, "problem", None) or "it cannot be read"
        raise SettingsError(f"{file}{where} is not YAML ({what}): correct it.") from None
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise SettingsError(f"{file} cannot be read ({reason}): correct it.") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(
            f"{file}, line 1, has no settings of Dagster by name, such as `storage:`: correct it."
        )
    return found


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with others over them, mapping by mapping; a block with a class as a whole.

    What `storage` stands for gives way to it, as Dagster accepts only one of them.
    """
    kept = {
        key: value for key, value in base.items() if "storage" not in over or key not in _STORAGES
    }
    for key, value in over.items():
        old = kept.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and "class" not in value:
            value = _merged(old, value)
        kept[key] = value
    return kept


def _with_kept_connections(settings: dict[str, Any], home: Path) -> dict[str, Any]:
    """Return settings with givlake's storage in place of Dagster's for PostgreSQL.

    Raises:
        SettingsError: The packages of the extra are missing.
    """
    storage = settings.get("storage")
    if not isinstance(storage, dict) or not isinstance(storage.get("postgres"), dict):
        return settings
    if importlib.util.find_spec(_EXTRA) is None:
        raise SettingsError(
            f"{home / OVERRIDE} names PostgreSQL, for which packages are missing: run"
            " pip install 'givlake[postgres]'"
        )
    if len(_ADDRESSES & storage["postgres"].keys()) != 1:
        one_of = " or ".join(sorted(_ADDRESSES, reverse=True))
        raise _refused(home, ["postgres"], f"it needs {one_of}, and not both")
    others = {key: value for key, value in storage.items() if key != "postgres"}
    custom = {
        "module": "pipelines.dagster_workarounds.postgres",
        "class": "KeptPostgresStorage",
        "config": storage["postgres"],
    }
    return {**settings, "storage": {**others, "custom": custom}}


def _lines(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Yield the settings of a file, at any depth, with their lines."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1
            yield from _lines(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
