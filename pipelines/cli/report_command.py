"""`givlake report`: one HTML file of a week, a month or a year, to keep or to send."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    opened_for_reading,
    plural,
    printable,
    require_store,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.alerts import AlertReport
    from pipelines.dashboard import DashboardData
    from pipelines.reports.report_file import Report
    from pipelines.reports.report_period import ReportPeriod
    from warehouse.lake import Lake

_LISTED = 5
_LAST = "last"


@click.command()
@click.option(
    "--month",
    metavar="MONTH",
    help="A month such as 2025-06; last (default) is the last whole one.",
)
@click.option("--year", metavar="YEAR", help="A year such as 2025, or last.")
@click.option("--week", metavar="WEEK", help="A week such as 2025-W23, from Monday, or last.")
@click.option("--site", metavar="SITE", help="The site, if there are several.")
@click.option(
    "--device",
    metavar="NAME",
    help="One inverter instead, by serial number or alias.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file.  [default: givlake-report-SITE-MONTH.html in this folder]",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@click.option("--send", is_flag=True, help="Send it to the channels of alerts.")
@pass_settings
def report(
    settings: Settings,
    month: str | None,
    year: str | None,
    week: str | None,
    site: str | None,
    device: str | None,
    target: Path | None,
    overwrite: bool,
    send: bool,
) -> None:
    """Write a report of a week, a month or a year as one HTML file.

    It has the pictures of the dashboard, all figures as tables, and the hash of the rows behind
    them; it opens without a network. --send sends it to the channels in GIVLAKE_ALERT_URLS, and
    writes a file only with --to.
    """
    from pipelines.cli.output_file import checked_target
    from pipelines.dashboard import DashboardData
    from pipelines.reports.report_file import file_name

    if site is not None and device is not None:
        raise KnownError("--site and --device exclude each other: use one of them.", EXIT_USAGE)
    period = _period({"month": month, "year": year, "week": week})
    if send:
        _check_channels(settings)
    require_store(settings)
    if target is not None:
        checked_target(target, settings.data, overwrite=overwrite)
    with opened_for_reading(settings, warn_if_empty=False) as lake:
        data = DashboardData(settings)
        try:
            of = _device(data, lake, settings, site, device)
            file = target
            if file is None and not send:
                file = Path(file_name(of, period))
                checked_target(file, settings.data, overwrite=overwrite)
            made = _made(data, lake, of, period)
        finally:
            data.close()
    # Written first: what was sent cannot be taken back.
    if file is not None:
        _write(settings, made, file, overwrite=overwrite)
    sent = _sent(settings, made) if send else None
    click.echo(f"SHA-256 of its rows: {made.rows.sha256}")
    has_failed = sent is not None and bool(sent.errors)
    raise SystemExit(EXIT_INCOMPLETE if has_failed else EXIT_COMPLETE)


def _period(texts: Mapping[str, str | None]) -> "ReportPeriod":
    """Return the period of the options, by default the last whole month."""
    from pipelines.cli.days import today
    from pipelines.reports.report_period import MONTH, last_whole, read_period

    given = {kind: text for kind, text in texts.items() if text is not None}
    if len(given) > 1:
        options = " and ".join(f"--{kind}" for kind in given)
        raise KnownError(f"{options} exclude each other: use one of them.", EXIT_USAGE)
    for kind, text in given.items():
        if text.lower() == _LAST:
            return last_whole(kind, today())
        try:
            return read_period(kind, text)
        except ValueError as error:
            raise KnownError(f"--{kind}: {error}", EXIT_USAGE) from error
    return last_whole(MONTH, today())


def _check_channels(settings: Settings) -> None:
    from pipelines.alerts import file_problem

    if (problem := file_problem(settings)) is not None:
        raise KnownError(problem, EXIT_USAGE)


def _device(
    data: "DashboardData", lake: "Lake", settings: Settings, site: str | None, device: str | None
) -> str:
    """Return the site or inverter of the options, as addresses of the dashboard have it."""
    from pipelines.suggestions import did_you_mean

    about = data.about()
    sites: list[dict[str, Any]] = about["sites"]  # type: ignore[assignment]
    names = [str(each["site"]) for each in sites]
    if not names:
        raise KnownError(
            f"No data of an inverter in {settings.data} yet: start with givlake backfill.",
            EXIT_USAGE,
        )
    if device is not None:
        return _inverter(lake, sites, device)
    if site is None and len(names) > 1:
        raise KnownError(
            f"There are {plural(len(names), 'site')}: name one with --site, such as"
            f" {_some(names)}.",
            EXIT_USAGE,
        )
    if site is not None and site not in names:
        advice = (
            did_you_mean(site, names)
            or f"There {'is' if len(names) == 1 else 'are'} {_some(names)}."
        )
        raise KnownError(f"Unknown site {site!r}. {advice}", EXIT_USAGE)
    return f"site:{site or names[0]}"


def _inverter(lake: "Lake", sites: list[dict[str, Any]], device: str) -> str:
    from pipelines.cli.stored_device_names import stored_device_names
    from pipelines.device_lookup import resolve_devices
    from warehouse.connection import connect, retrying

    with connect(lake) as connection:
        names = retrying(lambda: stored_device_names(connection))
    (device_id,) = resolve_devices([device], names)
    serials = {inverter["serial"] for each in sites for inverter in each["inverters"]}
    if device_id not in serials:
        raise KnownError(
            f"{device!r} is no inverter: reports are of sites and of inverters, such as"
            f" {_some(sorted(serials))}.",
            EXIT_USAGE,
        )
    return f"inverter:{device_id}"


def _some(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def _made(data: "DashboardData", lake: "Lake", of: str, period: "ReportPeriod") -> "Report":
    from pipelines.dashboard.scope import ScopeError
    from pipelines.reports.report_file import ReportError, make_report

    try:
        return make_report(data, lake, of, period)
    except (ReportError, ScopeError) as error:
        raise KnownError(str(error), EXIT_USAGE) from error


def _write(settings: Settings, made: "Report", file: Path, *, overwrite: bool) -> None:
    from pipelines.cli.output_file import new_output_file

    with new_output_file(file, settings.data, overwrite=overwrite) as path:
        path.write_text(made.html, encoding="utf-8")
    click.echo(f"{printable(made.title)}: written to {file}, {len(made.html.encode()):,} bytes.")


def _sent(settings: Settings, made: "Report") -> "AlertReport":
    """Send a report; print what failed."""
    from pipelines.reports.send_report import send_report

    sent = send_report(settings, made)
    for sentence in sent.errors:
        tell(sentence)
    click.echo(f"{printable(made.title)}: {plural(sent.messages, 'message')} sent.")
    return sent
