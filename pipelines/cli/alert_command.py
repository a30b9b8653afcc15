"""`givlake alert`, and how `backfill` and `sync` tell of what went wrong with them."""

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
# Of the command line as a whole: what one command met is over when the other gets through.
_JOB = "the command line"


@click.command()
@click.option("--test", is_flag=True, help="Send a test message, whatever is missing.")
def alert(test: bool) -> None:
    """Tell of what is missing of yesterday and before, once for each cause, and when it is over.

    For cron on a machine without Dagster's daemon, at the hour by which all should be there. Where
    alerts go stands in GIVLAKE_ALERT_URLS and GIVLAKE_ALERT_APP.
    """
    from pipelines.alerts import send_alerts, send_test

    settings = load_settings()
    if not (settings.alert_urls or settings.alert_app):
        raise KnownError(
            "There is nowhere to send alerts: set GIVLAKE_ALERT_URLS to addresses as Apprise takes"
            " them, or GIVLAKE_ALERT_APP to 1.",
            WRONG_USAGE,
        )
    told = send_test(settings) if test else send_alerts(settings, unasked=True)
    for sentence in told.trouble:
        click.echo(printable(sentence), err=True)
    click.echo(f"{plural(told.messages, 'message')} sent.")
    raise SystemExit(SOMETHING_MISSING if told.trouble else ALL_THERE)


def alerting(command: _Command) -> _Command:
    """Let a command tell of what went wrong, or is over, when it ends; its end stays as it is."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        settings = load_settings()
        try:
            return command(*arguments, **options)
        except SystemExit:
            # It got through; what is missing all the same stands in the states.
            _tell(settings, None)
            raise
        except Exception as error:
            if not isinstance(error, click.ClickException | KnownError | UnknownDeviceError):
                _tell(settings, error)
            raise

    return run  # type: ignore[return-value]


def _tell(settings: Settings, error: Exception | None) -> None:
    """Tell, if there is anywhere to; a fault in telling is said and changes nothing else."""
    if not (settings.alert_urls or settings.alert_app):
        return
    from pipelines.alerts import failure_kind_of, send_alerts

    try:
        told = send_alerts(
            settings,
            troubles=() if error is None else (failure_kind_of(error, _JOB),),
            mended=(_JOB,) if error is None else (),
            since=date.min,
        )
    except Exception as problem:
        if (known := known_error(problem)) is None:
            raise
        click.echo(f"No alert could be sent: {printable(known)}", err=True)
        return
    for sentence in told.trouble:
        click.echo(printable(sentence), err=True)
