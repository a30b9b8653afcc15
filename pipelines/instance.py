"""Dagster's instance: its folder, created before Dagster uses it."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
from sqlalchemy.exc import DBAPIError

from pipelines.dagster_workarounds.migrations import read_once
from pipelines.database_errors import DagsterDatabaseError, database_error, database_name
from pipelines.instance_settings import (
    OVERRIDE,
    describe_invalid,
    describe_missing,
    instance_text,
    is_edited,
    is_in_postgres,
)
from pipelines.named_accounts import dagster_home
from pipelines.settings import Settings
from warehouse.storage.file_locks import FileLock
from warehouse.storage.ownership import make_folder

_LOG = logging.getLogger(__name__)


def use_dagster_home(settings: Settings) -> Path:
    """Set DAGSTER_HOME, for this process and its children, to a folder in the data folder.

    Accounts with a name share one beside their files. A DAGSTER_HOME that is set already is kept,
    with its `dagster.yaml` unless there is an override file beside it.

    Returns:
        The folder that contains `dagster.yaml`.

    Raises:
        SettingsError: The override file cannot be used.
    """
    home = dagster_home(settings.data)
    if not _is_owners_own(home):
        if not home.exists():
            make_folder(home)
        _write(home / "dagster.yaml", instance_text(home))
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def dagster_yaml(settings: Settings) -> str:
    """Return the `dagster.yaml` that commands use, without writing it; empty if there is none.

    Raises:
        SettingsError: The override file cannot be used.
    """
    home = dagster_home(settings.data)
    if not _is_owners_own(home):
        return instance_text(home)
    file = home / "dagster.yaml"
    return file.read_text() if file.exists() else ""


def _is_owners_own(home: Path) -> bool:
    return bool(os.environ.get("DAGSTER_HOME")) and not (home / OVERRIDE).exists()


def _write(file: Path, text: str) -> None:
    """Write Dagster's settings; what another than givlake wrote there is moved aside."""
    with suppress(FileNotFoundError):
        old = file.read_text()
        if old == text:
            return
        if is_edited(old):
            names = ("dagster.yaml.edited", *(f"dagster.yaml.edited-{n}" for n in range(2, 1000)))
            aside = next(path for name in names if not (path := file.with_name(name)).exists())
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
    with FileLock(home / "opening.lock"), _explained(home):
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


def try_database(settings: Settings) -> str | None:
    """Connect to the database of Dagster's state, without a change in the data folder.

    Returns:
        The database; None if files have the state.

    Raises:
        DagsterDatabaseError: PostgreSQL refuses.
        SettingsError: The override file cannot be used.
    """
    text = dagster_yaml(settings)
    if not is_in_postgres(text):
        return None
    with _explained(dagster_home(settings.data)):
        # Imported here, because it needs packages of an extra.
        from pipelines.dagster_workarounds.postgres import engines

    with tempfile.TemporaryDirectory(prefix="givlake-") as folder:
        Path(folder, "dagster.yaml").write_text(text)
        with _explained(dagster_home(settings.data)):
            instance = dg.DagsterInstance.from_config(folder)
        with instance:
            return ", ".join(database_name(engine.url) for engine in engines(instance))


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    """Say which file and line Dagster refuses, and what PostgreSQL says.

    Raises:
        DagsterDatabaseError: PostgreSQL refuses what Dagster's own storage asks for.
        SettingsError: Dagster refuses its settings, or a package is missing.
    """
    root = logging.getLogger()
    # Dagster's own storage would warn six times, each with all that PostgreSQL said.
    root.addFilter(_is_no_retry)
    try:
        yield
    except dg.DagsterInvalidConfigError as error:
        raise describe_invalid(home, error) from None
    except Exception as error:
        cause = error.__cause__ or error.__context__ or error
        if isinstance(cause, DBAPIError) and not isinstance(error, DagsterDatabaseError):
            raise database_error(None, cause) from error
        missing = describe_missing(home, cause) if isinstance(cause, ModuleNotFoundError) else None
        if missing is None:
            raise
        raise missing from error
    finally:
        root.removeFilter(_is_no_retry)


def _is_no_retry(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Retrying failed database")
