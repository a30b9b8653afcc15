"""Lines about figures that do not agree, gaps and drift, for `status` and after a fetch.

They inform; the exit status does not depend on them.
"""

from datetime import datetime
from typing import Any

from assets.reconciliation import RECONCILIATIONS
from pipelines.cli.common import console, plural, printable
from pipelines.health.findings import GAPS, Findings, findings, refresh_findings
from pipelines.health.notices import Notices, drift_since
from warehouse.lake import Lake

_OUT = console()
_DAYS_NAMED = 3
_ITEMS_NAMED = 2
_DRIFT_NAMED = 3
_EXAMPLE_SHOWN = 60
CAUSES = {
    "not_fetched": "not fetched from the API",
    "not_sent": "inverter on, points not sent",
    "device_off": "inverter off",
    "unknown": "cause unknown",
}
_CHECKS = {each.name: each for each in RECONCILIATIONS}


def finding_lines(lake: Lake) -> list[str]:
    """Return a line per comparison with findings, with the number of the last 7 days."""
    return [
        f"{_subject(each)}: {plural(each.days, 'device-day')}"
        f"{f', {each.new:,} found in the last 7 days' if each.new else ''} ({_named(each)}):"
        f" {_command(each)}"
        for each in findings(lake)
    ]


def print_new_findings(lake: Lake, since: datetime) -> None:
    """Compare what a command has changed, and print a line for each kind of news.

    Args:
        lake: The data folder.
        since: When the command began.
    """
    refresh_findings(lake)
    for each in findings(lake, since):
        if each.new:
            _OUT.print(
                printable(
                    f"{_subject(each)}: {plural(each.new, 'new device-day')}"
                    f" ({_named(each, each.new)}): {_command(each)}"
                )
            )
    for notices in drift_since(lake, since):
        _OUT.print(printable(f"New: {drift_line(notices)}"))


def drift_line(notices: Notices, *, new: int = 0) -> str:
    """Return the line about undocumented values in the responses of a dataset."""
    named = ", ".join(map(_drifted, notices.drift[:_DRIFT_NAMED]))
    more = ", …" if len(notices.drift) > _DRIFT_NAMED else ""
    return (
        f"{notices.dataset}: {plural(len(notices.drift), 'undocumented value')} ({named}{more}"
        f"{f'; {new:,} of the last 7 days' if new else ''}): givlake query"
        f" \"FROM drift WHERE dataset = '{notices.dataset}'\""
    )


def _drifted(row: dict[str, Any]) -> str:
    kind = row["kind"].replace("_", " ")
    times = "once" if row["count"] == 1 else f"{row['count']:,} times"
    return f"{kind} {row['field']} = {row['example'][:_EXAMPLE_SHOWN]}, {times}"


def _subject(found: Findings) -> str:
    if found.check == GAPS:
        causes = ", ".join(
            f"{CAUSES[cause]}: {number:,}" for cause, number in found.by_item.most_common()
        )
        return f"More than 30 minutes without a data point ({causes})"
    text = _CHECKS[found.check].finding
    return f"{text[0].upper()}{text[1:]}"


def _named(found: Findings, count: int | None = None) -> str:
    """Name the newest device-days with their largest deviations."""
    chosen = found.newest[:count]
    named = "; ".join(
        f"{device_id} {day} {_items(found, items)}"
        for device_id, day, items in chosen[:_DAYS_NAMED]
    )
    return f"{named}{'; …' if len(chosen) > _DAYS_NAMED else ''}"


def _items(found: Findings, items: dict[str, float]) -> str:
    ordered = sorted(items.items(), key=lambda each: -abs(each[1]))[:_ITEMS_NAMED]
    more = ", …" if len(items) > _ITEMS_NAMED else ""
    if found.check == GAPS:
        return f"{', '.join(f'{hours:.1f} h' for _, hours in ordered)}{more}"
    unit = _CHECKS[found.check].unit
    return f"{', '.join(f'{item} {value:.4g} {unit}' for item, value in ordered)}{more}"


def _command(found: Findings) -> str:
    if found.check == GAPS:
        return "givlake status --gaps"
    return f'givlake query "FROM {found.check} WHERE NOT is_within"'


def counts_as_json(lake: Lake) -> dict[str, dict[str, dict[str, int]]]:
    """Return for each dataset with findings the device-days by comparison."""
    by_dataset: dict[str, dict[str, dict[str, int]]] = {}
    for each in findings(lake):
        dataset = "inverter_data_points" if each.check == GAPS else _CHECKS[each.check].tables[0]
        by_dataset.setdefault(dataset, {})[each.check] = {
            "device_days": each.days,
            "new_in_7_days": each.new,
        }
    return by_dataset
