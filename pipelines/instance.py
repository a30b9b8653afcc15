"""Dagster's instance: its folder, created before Dagster uses it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import dagster as dg

from pipelines.dagster_workarounds.migrations import read_once
from pipelines.named_accounts import shared_dagster_home
from pipelines.settings import Settings
from warehouse.storage.file_locks import FileLock

_DEFAULT_FOLDER = "data/dagster"


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, to a folder in the data folder.

    Accounts with a name share one beside their files. A DAGSTER_HOME that is set already is kept.

    Returns:
        The folder that contains `dagster.yaml`.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    home_folder = shared_dagster_home() or settings.data / "dagster"
    home_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The package's copy of the project's file: an installation has no project folder.
    text = resources.files("pipelines").joinpath("dagster.yaml").read_text()
    text = text.replace(_DEFAULT_FOLDER, home_folder.as_posix())
    target = home_folder / "dagster.yaml"
    if not target.exists() or target.read_text() != text:
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(text)
        temporary.replace(target)
    os.environ["DAGSTER_HOME"] = str(home_folder)
    return home_folder


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance.

    A lock serializes this: two processes that create it at the same moment would corrupt it.
    """
    home = use_dagster_home(settings)
    read_once()
    with FileLock(home / "opening.lock"):
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance
