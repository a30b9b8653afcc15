"""Make the report of a site or an inverter: its figures, its HTML and what a message says of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

import msgspec

from givenergy.server_clock import utc_now
from pipelines.dashboard import DashboardData, chart_names, encode, page_file
from pipelines.recommended_commands import with_account
from pipelines.reports.manifest_hash import RowsHash, rows_hash
from pipelines.reports.report_data import rounded_charts, script_json
from pipelines.reports.report_page import PageParts, ReportParts, report_html
from pipelines.reports.report_period import YEAR, ReportPeriod, days_title
from pipelines.reports.report_tables import ReportTables
from warehouse.lake import Lake

# Of a moment, of a single day, of an amount that the reader enters, or of all days.
_NOT_IN_REPORTS = frozenset({"now", "payback", "power", "half_hours", "cost_half_hours", "records"})
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
    if data.account_name is not None:
        device += f" of {data.account_name}"
    _check_period(period, shown, device)
    answers = msgspec.json.decode(encode(data.charts(_names(period), scope, arguments)))
    about = msgspec.json.decode(encode(data.about()))
    inverters = _inverters(about, shown)
    # The sessions shown are of them all.
    devices = [*inverters, *sorted(charger["uuid"] for charger in about["chargers"])]
    rows = rows_hash(lake, devices, scope.start, scope.end)
    days = days_title(period.kind, scope.start, scope.end)
    title = ", ".join([f"{device[0].upper()}{device[1:]}", days, *_late_start(shown)])
    tables = ReportTables(answers, shown, period)
    embedded = {
        "about": _about_shown(about, shown, answers),
        "scope": {name: value for name, value in shown.items() if name != "data_version"},
        "charts": rounded_charts(answers),
    }
    parts = ReportParts(
        title=f"givlake report: {title}",
        summary=f"<h1>{escape(title)}</h1>\n<p>{escape(tables.in_short())}</p>",
        tables=tables.html(),
        proof=_proof(about, shown, devices, period, rows, tables),
        data=script_json(embedded),
    )
    return Report(
        title,
        file_name(of, period),
        report_html(_page(), parts),
        tuple(tables.sentences()),
        rows,
    )


def file_name(of: str, period: ReportPeriod) -> str:
    """Return the name of the file of a report.

    Args:
        of: The site or inverter, as in `site:70001`.
        period: Which days it is about.
    """
    name = _NOT_IN_A_FILE_NAME.sub("_", f"{of.partition(':')[2]}-{period.label}")
    return f"givlake-report-{name}.html"


def _late_start(scope: Mapping[str, Any]) -> list[str]:
    """Return since when there are data, if not from the first day on."""
    if scope["first_date"] <= scope["start"]:
        return []
    first = date.fromisoformat(scope["first_date"])
    return [f"from {first.day} {first:%B}, when the data begin"]


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


def _about_shown(
    about: Mapping[str, Any], scope: Mapping[str, Any], charts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the report shows of the account: its site, and the inverters in its charts."""
    if scope["kind"] == "inverter":
        shown = {scope["device"]}
    else:
        shown = {*_inverters(about, scope)}
        if len(shown) > _MOST_DEVICES:
            columns = [chart.get("columns", {}) for chart in charts.values()]
            charted = {
                serial
                for of in columns
                for name in ("inverter_serial", "device_id")
                for serial in of.get(name, ())
            }
            # Pages ask whether there are several.
            shown = (shown & charted) | {*sorted(shown)[:2]}
    sites = []
    for site in about["sites"]:
        inverters = [each for each in site["inverters"] if each["serial"] in shown]
        if inverters and (scope["kind"] == "inverter" or site["site"] == scope["device"]):
            sites.append({**site, "inverters": inverters})
    kept = ("version", "today", "tariffs", "currency", "has_tariff", "is_empty")
    return {**{name: about[name] for name in kept}, "sites": sites, "chargers": []}


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
    chosen = f"--{option} {scope['device']} --{period.kind} {period.label}"
    command = f"{with_account('givlake report')} {chosen}"
    late = scope["first_date"] > scope["start"]
    start = f"{scope['first_date']}, when the data begin," if late else scope["start"]
    counts = ", ".join(f"{name} {count:,}" for name, count in rows.rows.items()) or "none"
    paragraphs = [
        f"Made on {utc_now():%Y-%m-%d at %H:%M} UTC by givlake {about['version']}. It shows"
        f" {scope['kind']} {scope['device']} from {start} to {scope['end']}, days of"
        f" {scope['zone']}; {tables.days()} are whole.",
        f"Rows of {_listed(devices)} on these days: {counts}. Money depends on the tariffs that"
        " were loaded too. Earlier days, which these are compared with, are not in the hash.",
    ]
    if len(devices) > len(_inverters(about, scope)):
        paragraphs.append(
            "Charging sessions are of all chargers of the account: the API does not say at which"
            " site a charger is."
        )
    lines = [f"<p>{escape(text)}</p>" for text in paragraphs]
    return "\n".join(
        [
            "<h2>Where this comes from</h2>",
            *lines,
            f"<p>SHA-256 of these rows: <code>{rows.sha256}</code></p>",
            f"<p>To check it: <code>{escape(command)}</code> prints the same hash as long as the"
            " rows are the same; docs/report.md of givlake shows how to compute it from an export,"
            " without givlake.</p>",
            _all_devices(devices),
            tables.states(),
        ]
    )


def _listed(devices: Sequence[str]) -> str:
    more = len(devices) - _MOST_DEVICES
    rest = f" and {more:,} more device{'' if more == 1 else 's'}" if more > 0 else ""
    return ", ".join(devices[:_MOST_DEVICES]) + rest


def _all_devices(devices: Sequence[str]) -> str:
    """Return all devices, folded, if the text names only the first."""
    if len(devices) <= _MOST_DEVICES:
        return ""
    return (
        f"<details><summary>All {len(devices):,} devices</summary>"
        f"<p>{escape(', '.join(devices))}</p></details>"
    )


def _page() -> PageParts:
    names = ("index.html", "styles.css", "vendor/echarts.min.js", "dashboard.js")
    return PageParts(*(page_file(name).decode() for name in names))
