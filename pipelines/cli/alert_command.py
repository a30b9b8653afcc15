"""`givlake alert`, and the alerts that `backfill` and `sync` send when they end."""

import functools
from collections.abc import Callable
from datetime import date
from typing import Concatenate, ParamSpec, TypeVar

import click

from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    known_error,
    plural,
    require_store,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.device_lookup import UnknownDeviceError
from pipelines.settings import Settings
from pipelines.stop_signals import is_stopping

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
# One job for all commands: a failure of one command is resolved when another succeeds.
_JOB = "the command line"


@click.command()
@click.option("--test", is_flag=True, help="Send a test message only.")
@pass_settings
def alert(settings: Settings, test: bool) -> None:
    """Send one alert per cause of missing data.

    Another alert follows when it is resolved. For cron on a machine without Dagster's daemon, at
    the hour by which yesterday should be complete. Set the channels in GIVLAKE_ALERT_URLS and
    GIVLAKE_ALERT_APP.
    """
    from pipelines.alerts import send_alerts, send_test
    from pipelines.alerts.channels import NO_CHANNEL

    if not (settings.alert_urls or settings.alert_app):
        raise KnownError(NO_CHANNEL, EXIT_USAGE)
    if not test:
        require_store(settings)
    report = send_test(settings) if test else send_alerts(settings, unrequested=True)
    for sentence in report.errors:
        tell(sentence)
    click.echo(f"{plural(report.messages, 'message')} sent.")
    raise SystemExit(EXIT_INCOMPLETE if report.errors else EXIT_COMPLETE)


def alerting(
    command: Callable[Concatenate[Settings, _Parameters], _Result],
) -> Callable[Concatenate[Settings, _Parameters], _Result]:
    """Make a command send alerts when it ends; its exit status stays the same."""

    @functools.wraps(command)
    def run(
        settings: Settings, /, *arguments: _Parameters.args, **options: _Parameters.kwargs
    ) -> _Result:
        try:
            return command(settings, *arguments, **options)
        except SystemExit:
            # The command ran to its end; the stored states show whether data are missing.
            _send(settings, None)
            raise
        except Exception as error:
            # What an interruption causes is no failure.
            if not is_stopping() and not isinstance(
                error, click.ClickException | KnownError | UnknownDeviceError
            ):
                _send(settings, error)
            raise

    return run


def _send(settings: Settings, error: Exception | None) -> None:
    """Send alerts if there is a channel; print errors, which do not change the exit status."""
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
        tell(f"Alerts could not be sent: {known}")
        return
    for sentence in report.errors:
        tell(sentence)
