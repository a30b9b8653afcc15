"""The environment of child processes, which the parent process determines once.

A child process reads no settings file. One that did could use another token or data folder than
its parent, because the file depends on the working folder, and Dagster prefers a `.env` file to the
environment.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines.settings import Settings
from pipelines.settings_file import ENV_FILE, SettingsError, merged_environment
from warehouse.publish.delta_target import CREDENTIAL_PREFIXES

SETTING_PREFIXES = ("GIVLAKE_", "GIVENERGY_")
_OF_SETTINGS_FILE = (*SETTING_PREFIXES, *CREDENTIAL_PREFIXES)
# An exported DAGSTER_HOME would mix the demo's runs with the owner's.
_HIDDEN_FROM_DEMO = (*SETTING_PREFIXES, "DAGSTER_")
_SHARED_WITH_DEMO = ("GIVLAKE_LOG_LEVEL",)


def own_environment(settings: Settings) -> dict[str, str]:
    """Return the environment that contains every setting of this process.

    Credentials of object stores that the settings file has are among them.

    Args:
        settings: The settings of this process.

    Raises:
        SettingsError: The settings file cannot be read.
    """
    variables = {
        name: text
        for name, text in merged_environment().items()
        if name.startswith(_OF_SETTINGS_FILE)
    }
    return {**os.environ, **variables, "GIVLAKE_DATA": str(settings.data), ENV_FILE: ""}


def demo_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a demo: its own settings, and only the log level of the owner's.

    Args:
        variables: The demo's settings; GIVLAKE_DATA must be absolute.
    """
    inherited = {
        name: text
        for name, text in os.environ.items()
        if name in _SHARED_WITH_DEMO or not name.startswith(_HIDDEN_FROM_DEMO)
    }
    return {**inherited, ENV_FILE: "", **variables}


@contextmanager
def working_in(environment: Mapping[str, str]) -> Iterator[None]:
    """Replace the environment of this process, and of the processes it starts, for a while."""
    before = {**os.environ}
    _replace(environment)
    try:
        yield
    finally:
        _replace(before)


def refuse_env_file(folder: Path) -> None:
    """Refuse a folder with a `.env` file, which Dagster would load.

    Raises:
        SettingsError: The folder contains a `.env` file.
    """
    if (folder / ".env").exists():
        raise SettingsError(
            f"Dagster would load {folder / '.env'} in place of givlake's settings: move the file"
            " to another folder, or unset DAGSTER_HOME if it names this folder."
        )


def _replace(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
