"""Runs of commands that were killed: Dagster would show them as in progress for ever.

Several machines can record their runs in one database. Each looks only at its own.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from pipelines.alerts.sensors import STARTED_BY
from warehouse.errors import LockTimeoutError
from warehouse.storage.file_locks import FileLock

# With this prefix Dagster's pages do not show it.
_COMMAND = ".dagster/givlake-command"
# Of Dagster's state: the locks of the commands that are running, and the folder's own name, which
# the lock that a run names begins with.
_FOLDER = "commands"
_NAME = "name"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@contextmanager
def tagged_runs(instance: dg.DagsterInstance, home: Path) -> Iterator[Mapping[str, str]]:
    """Report the runs of killed commands as failed; yield the tags of this command's runs.

    A command holds a lock that its runs name. The kernel releases it when the command ends.

    Args:
        instance: Where runs are recorded.
        home: The folder of Dagster's state.
    """
    report_killed_runs(instance, home)
    folder = home / _FOLDER
    own = folder / f"{_name_of(folder)}-{uuid.uuid4().hex}.lock"
    try:
        with FileLock(own):
            yield {STARTED_BY: "command line", _COMMAND: own.stem}
    finally:
        own.unlink(missing_ok=True)


def report_killed_runs(instance: dg.DagsterInstance, home: Path) -> None:
    """Report the runs of commands that were killed as failed.

    Args:
        instance: Where runs are recorded, those of other machines among them.
        home: The folder of Dagster's state.
    """
    folder = home / _FOLDER
    folder.mkdir(exist_ok=True, mode=0o700)
    name = _name_of(folder)
    filters = dg.RunsFilter(statuses=_UNFINISHED, tags={STARTED_BY: "command line"})
    for run in instance.get_runs(filters):
        # Dagster gives the tags of a run to those that re-execute it.
        if run.parent_run_id is not None:
            continue
        command = run.tags.get(_COMMAND, "unknown")
        # Whose locks have no name was recorded here, by an earlier version.
        if "-" in command and not command.startswith(f"{name}-"):
            continue
        lock = folder / f"{command}.lock"
        try:
            with FileLock(lock, timeout_s=0):
                instance.report_run_failed(
                    run,
                    "The command that made this run was killed. What it fetched is kept: run the"
                    " same command again, or re-execute this run.",
                )
            lock.unlink(missing_ok=True)
        except LockTimeoutError:
            continue


def _name_of(folder: Path) -> str:
    """Return the name of a folder of locks, which no other folder has; the first call gives it."""
    file = folder / _NAME
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            new = file.with_suffix(".new")
            new.write_text(uuid.uuid4().hex[:12])
            new.replace(file)
        return file.read_text()
