"""Dagster's instance: its folder, created before Dagster uses it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg

from pipelines.dagster_workarounds.migrations import read_once
from pipelines.instance_settings import OVERRIDE, describe_invalid, instance_text, is_edited
from pipelines.settings import Settings
from warehouse.storage.file_locks import FileLock

_LOG = logging.getLogger(__name__)


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, to a folder in the data folder.

    A DAGSTER_HOME that is set already is kept, with its `dagster.yaml` unless there is an override
    file beside it.

    Returns:
        The folder that contains `dagster.yaml`.

    Raises:
        SettingsError: The override file cannot be used.
    """
    given = os.environ.get("DAGSTER_HOME")
    home = Path(given or settings.data / "dagster")
    if not given or (home / OVERRIDE).exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(home / "dagster.yaml", instance_text(home))
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _write(file: Path, text: str) -> None:
    """Write Dagster's settings; what another than givlake wrote there is moved aside."""
    with suppress(FileNotFoundError):
        old = file.read_text()
        if old == text:
            return
        if is_edited(old):
            aside = file.with_name("dagster.yaml.edited")
            file.replace(aside)
            _LOG.warning(
                "%s was changed by hand, or by another version of givlake: it is %s now; put your"
                " own settings into %s.",
                *(file, aside, file.with_name(OVERRIDE)),
            )
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    # A password can be in it.
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(file)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open Dagster's instance.

    A lock serializes this: two processes that create it at the same moment would corrupt it.

    Raises:
        DagsterDatabaseError: PostgreSQL, if it keeps the state, refuses.
        SettingsError: The override file cannot be used.
    """
    home = use_dagster_home(settings)
    read_once()
    with FileLock(home / "opening.lock"):
        try:
            instance = dg.DagsterInstance.get()
        except dg.DagsterInvalidConfigError as error:
            raise describe_invalid(home, error) from None
    with instance:
        yield instance
