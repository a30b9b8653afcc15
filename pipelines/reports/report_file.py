"""Make the report of a site or an inverter: its figures, its HTML and what a message says of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import msgspec

from givenergy import utc_now
from pipelines.dashboard import DashboardData, chart_names, encode, page_file
from pipelines.reports.manifest_hash import RowsHash, rows_hash
from pipelines.reports.report_data import rounded_charts, script_json
from pipelines.reports.report_page import PageParts, ReportParts, report_html
from pipelines.reports.report_period import YEAR, ReportPeriod
from pipelines.reports.report_tables import ReportTables
from warehouse import Lake

# Of a moment, of a single day, or of an amount that the reader enters.
_NOT_IN_REPORTS = frozenset({"now", "payback", "power", "half_hours", "cost_half_hours"})
_YEARS_ONLY = frozenset({"battery_health"})
_ALL_ONLY = frozenset({"pv_health"})
_MOST_DEVICES = 20
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class ReportError(ValueError):
    """There can be no such report; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report.

    Attributes:
        title: What it is about.
        file_name: The name for its file.
        html: The file.
        lines: The key figures, as lines of a message.
        rows: The hash of the rows behind it.
    """

    title: str
    file_name: str
    html: str
    lines: tuple[str, ...]
    rows: RowsHash


def make_report(data: DashboardData, lake: Lake, of: str, period: ReportPeriod) -> Report:
    """Make the report of a site or an inverter.

    Args:
        data: The figures of the data folder.
        lake: The same folder.
        of: The site or inverter, as in `site:70001` or `inverter:XA0000G000`.
        period: Which days it is about.

    Raises:
        ReportError: The period has not begun, or there are no data of it.
        ScopeError: There is no such site or inverter.
        WarehouseError: The data folder cannot be used.
    """
    arguments = {"of": of, "period": period.kind, "date": period.first.isoformat()}
    scope, as_json = data.scope(arguments)
    shown: dict[str, Any] = msgspec.json.decode(encode(as_json))
    device = f"{shown['kind']} {shown['device']}"
    _check_period(period, shown, device)
    answers = msgspec.json.decode(encode(data.charts(_names(period), scope, arguments)))
    about = msgspec.json.decode(encode(data.about()))
    inverters = _inverters(about, shown)
    devices = [*inverters, *_chargers(answers)]
    rows = rows_hash(lake, devices, scope.start, scope.end)
    title = f"{device[0].upper()}{device[1:]}, {period.title}"
    tables = ReportTables(answers, shown, period)
    embedded = {
        "about": _about_shown(about, shown),
        "scope": shown,
        "charts": rounded_charts(answers),
    }
    parts = ReportParts(
        title=f"givlake report: {title}",
        summary=f"<h1>{escape(title)}</h1>\n<p>{escape(tables.days())} are whole.</p>",
        tables=tables.html(),
        proof=_proof(about, shown, devices, period, rows, tables),
        data=script_json(embedded),
    )
    name = _NOT_IN_A_FILE_NAME.sub("_", f"{shown['device']}-{period.label}")
    return Report(
        title,
        f"givlake-report-{name}.html",
        report_html(_page(), parts),
        tuple(tables.sentences()),
        rows,
    )


def _check_period(period: ReportPeriod, scope: Mapping[str, Any], device: str) -> None:
    """Refuse a period that has not begun or has no data.

    Raises:
        ReportError: It has not begun, or has none.
    """
    first, last = scope["first_date"], scope["last_date"]
    if period.first.isoformat() > scope["today"]:
        raise ReportError(f"{period.title} has not begun: today is {scope['today']}.")
    if first is None:
        raise ReportError(f"There are no data of {device} yet: fetch them with givlake backfill.")
    if period.last.isoformat() < first or period.first.isoformat() > last:
        raise ReportError(
            f"There are no data of {device} in {period.title}: it has data from {first} to {last};"
            " choose another period with --month, --year or --week."
        )


def _names(period: ReportPeriod) -> list[str]:
    left_out = _NOT_IN_REPORTS | _ALL_ONLY
    if period.kind != YEAR:
        left_out |= _YEARS_ONLY
    return [name for name in chart_names() if name not in left_out]


def _inverters(about: Mapping[str, Any], scope: Mapping[str, Any]) -> list[str]:
    """Return the inverters that the report is about."""
    if scope["kind"] == "inverter":
        return [scope["device"]]
    return [
        inverter["serial"]
        for site in about["sites"]
        if site["site"] == scope["device"]
        for inverter in site["inverters"]
    ]


def _chargers(charts: Mapping[str, Any]) -> list[str]:
    """Return the chargers whose sessions the report shows."""
    columns = charts.get("car_sessions", {}).get("columns", {})
    return sorted(set(columns.get("charger_uuid", ())))


def _about_shown(about: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the account has, without other sites and what changes from minute to minute."""
    serial = scope["device"] if scope["kind"] == "inverter" else None
    sites = [
        site
        for site in about["sites"]
        if site["site"] == scope["device"]
        or any(inverter["serial"] == serial for inverter in site["inverters"])
    ]
    return {
        **about,
        "sites": sites,
        "ingestion": {"is_running": False, "since": None},
        "problems": [],
    }


def _proof(
    about: Mapping[str, Any],
    scope: Mapping[str, Any],
    devices: Sequence[str],
    period: ReportPeriod,
    rows: RowsHash,
    tables: ReportTables,
) -> str:
    """Return the end of the report: when it was made, from which data, and their hash."""
    option = "device" if scope["kind"] == "inverter" else "site"
    command = f"givlake report --{option} {scope['device']} --{period.kind} {period.label}"
    counts = ", ".join(f"{name} {count:,}" for name, count in rows.rows.items()) or "none"
    paragraphs = [
        f"Made on {utc_now():%Y-%m-%d at %H:%M} UTC by givlake {about['version']}. It shows"
        f" {scope['kind']} {scope['device']} from {scope['start']} to {scope['end']}, days of"
        f" {scope['zone']}; {tables.days()} are whole.",
        f"Rows of {_listed(devices)} on these days: {counts}. Money depends on the tariffs that"
        " were loaded too.",
    ]
    lines = [f"<p>{escape(text)}</p>" for text in paragraphs]
    return "\n".join(
        [
            "<h2>Where this comes from</h2>",
            *lines,
            f"<p>SHA-256 of these rows: <code>{rows.sha256}</code></p>",
            f"<p>To check it: <code>{escape(command)}</code> prints the same hash as long as the"
            " rows are the same; docs/report.md of givlake shows how to compute it from an export,"
            " without givlake.</p>",
            tables.states(),
        ]
    )


def _listed(devices: Sequence[str]) -> str:
    more = len(devices) - _MOST_DEVICES
    return ", ".join(devices[:_MOST_DEVICES]) + (f" and {more:,} more devices" if more > 0 else "")


def _page() -> PageParts:
    names = ("index.html", "styles.css", "vendor/echarts.min.js", "dashboard.js")
    return PageParts(*(page_file(name).decode() for name in names))
