"""Runs of killed processes: Dagster would show them as in progress for ever."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg

from pipelines.alerts.sensors import STARTED_BY
from pipelines.dagster_workarounds.code_location import own_runs
from pipelines.run_locks import folder_name, is_alive, run_lock
from pipelines.settings import Settings

# With this prefix Dagster's pages do not show it.
_COMMAND = ".dagster/givlake-command"
_COMMAND_LINE = "command line"
_RUNNING = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_UNFINISHED = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, *_RUNNING)


@contextmanager
def tagged_runs(instance: dg.DagsterInstance, settings: Settings) -> Iterator[Mapping[str, str]]:
    """Report the runs of killed commands as failed; yield the tags of this command's runs.

    A command holds a lock in the account's data folder; its runs name both.

    Args:
        instance: Where runs are recorded.
        settings: The account's.
    """
    report_killed_runs(instance, settings)
    own = f"{folder_name(settings.data)}-{uuid.uuid4().hex}"
    with run_lock(settings.data, own):
        yield {STARTED_BY: _COMMAND_LINE, _COMMAND: own}


def report_killed_runs(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Report the account's runs of commands that were killed as failed.

    Args:
        instance: Where runs are recorded; other accounts' runs may be too.
        settings: The account's.
    """
    filters = dg.RunsFilter(statuses=list(_UNFINISHED), tags={STARTED_BY: _COMMAND_LINE})
    for run in instance.get_runs(filters):
        command = run.tags.get(_COMMAND, "unknown")
        # Other machines' folders cannot be seen. One without a name is of an earlier version.
        is_elsewhere = "-" in command and not command.startswith(folder_name(settings.data))
        if not _is_of_command(run) or is_elsewhere:
            continue
        # Both are looked at, which removes what a killed command has left of both.
        alive = [is_alive(settings.data, name) for name in (command, run.run_id)]
        if not any(alive):
            instance.report_run_failed(
                run,
                "The command that made this run was killed. What it fetched is kept: run the same"
                " command again, or re-execute this run.",
            )


def report_lost_runs(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Report runs as failed that were lost with the code server or machine that they ran on.

    For whoever starts the account's code server; Dagster notices only the end of a run whose code
    server goes on.

    Args:
        instance: Where runs are recorded; other accounts' runs may be too.
        settings: The account's.
    """
    for run in instance.get_runs(own_runs(settings.account_name, *_RUNNING)):
        if not _is_of_command(run) and not is_alive(settings.data, run.run_id):
            instance.report_run_failed(
                run,
                "The process of this run ended with its code server, or with the machine. What it"
                " fetched is kept: re-execute this run to go on.",
            )


def _is_of_command(run: dg.DagsterRun) -> bool:
    # Dagster gives the tags of a run to those that re-execute it.
    return run.tags.get(STARTED_BY) == _COMMAND_LINE and run.parent_run_id is None
