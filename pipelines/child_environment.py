"""The environment of processes that givlake starts: it is decided once, by the process that starts.

None of them reads a settings file again. One that did could work with another token or folder than
it was given, as the file that it finds depends on its folder, and Dagster prefers a file `.env` to
its environment.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.settings import ENV_FILE, SettingsError, load_settings, merged_environment

_SETTINGS = ("GIVLAKE_", "GIVENERGY_")
# An exported DAGSTER_HOME would put the demo's runs among the owner's.
_NOT_FOR_THE_DEMO = (*_SETTINGS, "DAGSTER_")
_FOR_THE_DEMO = ("GIVLAKE_LOG_LEVEL",)


def own_environment() -> dict[str, str]:
    """Give the environment in which every setting stands that is in force here.

    Raises:
        SettingsError: if a setting cannot be used.
    """
    merged = merged_environment()
    settings = {name: text for name, text in merged.items() if name.startswith(_SETTINGS)}
    data = load_settings().data
    return {**os.environ, **settings, "GIVLAKE_DATA": str(data), ENV_FILE: ""}


def demo_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a demo: its own settings, and of the owner's the log level only.

    Args:
        settings: the demo's own; GIVLAKE_DATA has to be absolute.
    """
    kept = {
        name: text
        for name, text in os.environ.items()
        if name in _FOR_THE_DEMO or not name.startswith(_NOT_FOR_THE_DEMO)
    }
    return {**kept, ENV_FILE: "", **settings}


@contextmanager
def working_in(environment: Mapping[str, str]) -> Iterator[None]:
    """Let this process, and those that it starts meanwhile, have an environment."""
    before = {**os.environ}
    _replace(environment)
    try:
        yield
    finally:
        _replace(before)


def refuse_env_file(folder: Path) -> None:
    """Make sure that Dagster finds no `.env` in the folder in which it runs.

    Raises:
        SettingsError: if there is one.
    """
    if (folder / ".env").exists():
        raise SettingsError(
            f"{folder / '.env'} would be read by Dagster in place of the settings in force: move"
            " it to another folder, or leave DAGSTER_HOME unset if that is what names this one."
        )


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
