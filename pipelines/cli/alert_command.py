"""`givlake alert`, and the alerts that `backfill` and `sync` send when they end."""

import functools
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    known_error,
    plural,
    printable,
)
from pipelines.discovery import UnknownDeviceError
from pipelines.settings import Settings, load_settings

_Command = TypeVar("_Command", bound=Callable[..., Any])
# Of the command line as a whole: a failure of one command is resolved when another succeeds.
_JOB = "the command line"


@click.command()
@click.option("--test", is_flag=True, help="Send a test message only.")
def alert(test: bool) -> None:
    """Send one alert per cause for what is missing until yesterday, and one when it is resolved.

    For cron on a machine without Dagster's daemon, at the hour by which all should be complete. Set
    the channels in GIVLAKE_ALERT_URLS and GIVLAKE_ALERT_APP.
    """
    from pipelines.alerts import send_alerts, send_test

    settings = load_settings()
    if not (settings.alert_urls or settings.alert_app):
        raise KnownError(
            "No channel for alerts: set GIVLAKE_ALERT_URLS to addresses as Apprise takes"
            " them, or GIVLAKE_ALERT_APP to 1.",
            WRONG_USAGE,
        )
    report = send_test(settings) if test else send_alerts(settings, unrequested=True)
    for sentence in report.errors:
        click.echo(printable(sentence), err=True)
    click.echo(f"{plural(report.messages, 'message')} sent.")
    raise SystemExit(SOMETHING_MISSING if report.errors else ALL_THERE)


def alerting(command: _Command) -> _Command:
    """Make a command send alerts when it ends; its exit status stays the same."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        settings = load_settings()
        try:
            return command(*arguments, **options)
        except SystemExit:
            # It succeeded; the states say what is missing nevertheless.
            _send(settings, None)
            raise
        except Exception as error:
            if not isinstance(error, click.ClickException | KnownError | UnknownDeviceError):
                _send(settings, error)
            raise

    return run  # type: ignore[return-value]


def _send(settings: Settings, error: Exception | None) -> None:
    """Send alerts, if there is a channel; print an error in sending, which changes nothing else."""
    if not (settings.alert_urls or settings.alert_app):
        return
    from pipelines.alerts import failure_kind_of, send_alerts

    try:
        report = send_alerts(
            settings,
            failures=() if error is None else (failure_kind_of(error, _JOB),),
            recovered_jobs=(_JOB,) if error is None else (),
            since=date.min,
        )
    except Exception as problem:
        if (known := known_error(problem)) is None:
            raise
        click.echo(f"No alert could be sent: {printable(known)}", err=True)
        return
    for sentence in report.errors:
        click.echo(printable(sentence), err=True)
