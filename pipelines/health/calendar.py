"""Calendars of the days' states: as an SVG of all devices, and as characters for Dagster.

One calendar per device, dataset and year: a column per week, Monday on top. `docs/stores.md`
describes the states.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape

import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from givenergy.server_clock import utc_now
from pipelines.device_names import device_names
from pipelines.health.day_words import state_words
from warehouse.coverage import State, coverage_by_month
from warehouse.lake import Lake

# In the order of the legend. Okabe and Ito's palette, which colour-blind people can distinguish;
# readable on light and on dark pages.
COLOURS = {
    State.COMPLETE: ("#009e73", "🟩"),
    State.PROVISIONAL: ("#56b4e9", "🟦"),
    State.EMPTY: ("#a7b0b8", "⬜"),
    State.NOT_BUILT: ("#f0e442", "🔶"),
    State.UNPROVEN: ("#0072b2", "🔷"),
    State.PARTIAL: ("#e69f00", "🟨"),
    State.FAILED: ("#d55e00", "🟥"),
    State.FORBIDDEN: ("#cc79a7", "🟪"),
    State.GONE: ("#8a6d4f", "🟫"),
    State.NOT_REQUESTED: ("none", "⬛"),
}
# States that need attention, and empty days, also have their own shape; the others are squares.
_SHAPES = {
    State.EMPTY: "m3,3h3v3h-3z",
    State.NOT_BUILT: "m4.5,0l4.5,9h-9z",
    State.UNPROVEN: "m4.5,0l4.5,4.5h-9z",
    State.PARTIAL: "v9h9z",
    State.FAILED: "h3l1.5,2l1.5,-2h3l-3,4.5l3,4.5h-3l-1.5,-2l-1.5,2h-3l3,-4.5z",
    State.FORBIDDEN: "m4.5,0l4.5,4.5l-4.5,4.5l-4.5,-4.5z",
    State.GONE: "m1,3h7v3h-7z",
}
_SQUARE = "h9v9h-9z"
_STEP = 11
_LEFT, _RIGHT, _TOP = 70, 24, 82
_WEEKS = 54
_WIDTH = _LEFT + _WEEKS * _STEP + _RIGHT
_YEAR_HEIGHT = 7 * _STEP + 17
_HEADING, _SUBHEADING = 34, 24
_NO_DAY = "  "  # as wide as an emoji


@dataclass(slots=True)
class Calendar:
    """The states of one device's days of one dataset; `name` is the device's."""

    dataset: str
    device_id: str
    states: dict[date, State]
    name: str = ""


def calendars(
    lake: Lake, datasets: Sequence[DailyDataset], device_ids: Sequence[str] | None = None
) -> list[Calendar]:
    """Return the calendars of all devices, or of some, by device and dataset."""
    expected, names = lake.expected(), device_names(lake)
    by_device: dict[tuple[str, str], Calendar] = {}
    for dataset in datasets:
        of_dataset = expected.filter(pc.equal(expected["dataset"], dataset.name))
        if device_ids is not None:
            chosen = pc.is_in(of_dataset["device_id"], pc.cast(list(device_ids), "string"))
            of_dataset = of_dataset.filter(chosen)
        if of_dataset.num_rows == 0:
            continue
        now = utc_now()
        # Expected days end with the devices' own today, which can be ahead of UTC's.
        last = pc.max(of_dataset["last_date"]).as_py() or now.date()
        first = pc.min(of_dataset["first_date"]).as_py()
        rules = [dataset.coverage_rule]
        for month in coverage_by_month(lake, rules, of_dataset, first, last, now=now):
            columns = (month[name].to_pylist() for name in ("device_id", "request_date", "state"))
            for device_id, day, state in zip(*columns, strict=True):
                key = (device_id, dataset.name)
                empty = Calendar(dataset.name, device_id, {}, names[device_id])
                calendar = by_device.setdefault(key, empty)
                calendar.states[day] = State(state)
    return [by_device[key] for key in sorted(by_device)]


def svg(calendars: Sequence[Calendar], title: str) -> str:
    """Draw calendars below each other, the newest year of each first."""
    parts: list[str] = []
    y, device_id = _TOP, None
    for calendar in calendars:
        if calendar.device_id != device_id:
            device_id = calendar.device_id
            y += _HEADING
            parts.append(_text(16, y - 12, calendar.name or device_id, "device"))
        y += _SUBHEADING
        counts = _describe_counts(Counter(calendar.states.values()))
        parts.append(_text(16, y - 8, f"{calendar.dataset}: {counts}", "dataset"))
        for year, days in _years(calendar.states):
            parts += _year(calendar, year, days, y)
            y += _YEAR_HEIGHT
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 16}"'
        f' width="{_WIDTH}" height="{y + 16}" role="img">',
        f"<title>{_plain(title)}</title>",
        _STYLE,
        _text(16, 24, title, "title"),
        *_legend(),
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


# No background; greys that are readable on white and on black.
_STYLE = """<style>
text { font: 11px system-ui, sans-serif; fill: #7a7f85; }
.title { font-size: 15px; font-weight: 600; }
.device { font-size: 13px; font-weight: 600; }
.month { font-size: 9px; }
path { fill: none; stroke: none; }
path.not_requested { stroke: #7a7f85; stroke-opacity: 0.45; }
</style>"""


def _legend() -> Iterator[str]:
    x = 16
    for state in COLOURS:
        label = state_words(state)
        yield f'<path {_colour(state)} d="{_cell(state, x, 38)}"/>'
        yield _text(x + 14, 46, label, "legend")
        x += 14 + 7 * len(label) + 14
    yield _text(
        16, 64, "One column per week, Monday on top. No cell: no day is expected.", "legend"
    )


def _year(calendar: Calendar, year: int, days: Mapping[date, State], y: int) -> Iterator[str]:
    yield _text(_LEFT - 8, y + 4 * _STEP + 8, str(year), "year", 'text-anchor="end"')
    # One path per state: one per cell would make the picture of a fleet ten times as large.
    paths: dict[State, list[str]] = {}
    for day, state in days.items():
        x = _LEFT + _week(day) * _STEP
        paths.setdefault(state, []).append(_cell(state, x, y + 10 + day.weekday() * _STEP))
    for state, cells in paths.items():
        count = _describe_counts({state: len(cells)})
        label = _plain(f"{calendar.device_id} {calendar.dataset} {year}: {count}")
        yield f'<path {_colour(state)} d="{"".join(cells)}"><title>{label}</title></path>'
    yield from _months(days, y)


def _months(days: Iterable[date], y: int) -> Iterator[str]:
    """Yield each month's name above its first day, unless the next name would overlap it."""
    firsts: dict[str, date] = {}
    for day in sorted(days, reverse=True):
        firsts[f"{day:%b}"] = day
    free_until = _WEEKS
    for name, first in firsts.items():
        if _week(first) + 2 <= free_until:
            free_until = _week(first)
            yield _text(_LEFT + free_until * _STEP, y + 7, name, "month")


def _week(day: date) -> int:
    """Return the number of a day's week in its year, from 0; weeks start on Monday."""
    return ((day - day.replace(month=1, day=1)).days + day.replace(month=1, day=1).weekday()) // 7


def _cell(state: State, x: int, y: int) -> str:
    return f"M{x},{y}{_SHAPES.get(state, _SQUARE)}"


def _colour(state: State) -> str:
    return f'class="{state}" style="fill:{COLOURS[state][0]}"'


def _text(x: int, y: int, text: str, kind: str, extra: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" {extra}>{_plain(text)}</text>'


def _plain(text: str) -> str:
    """Escape a text; XML does not allow control characters, escaped or not."""
    return escape("".join(char if char.isprintable() else "?" for char in text))


def _years(states: Mapping[date, State]) -> Iterator[tuple[int, dict[date, State]]]:
    for year in sorted({day.year for day in states}, reverse=True):
        yield year, {day: state for day, state in states.items() if day.year == year}


def _describe_counts(days: Mapping[State, int]) -> str:
    return ", ".join(
        f"{days[state]:,} {state_words(state)}" for state in COLOURS if days.get(state)
    )


def characters(calendar: Calendar, weeks: int = 53) -> str:
    """Return the newest weeks of a calendar as a Markdown code block.

    Args:
        calendar: The calendar of one device and dataset.
        weeks: The maximum number of weeks.
    """
    last = max(calendar.states)
    monday = last - timedelta(days=last.weekday())
    first = max(monday - timedelta(weeks=weeks - 1), min(calendar.states))
    first -= timedelta(days=first.weekday())
    columns = range(0, (monday - first).days + 1, 7)
    lines = [f"{first} to {last}, one column per week, Monday on top:", ""]
    for weekday in range(7):
        days = (first + timedelta(days=column + weekday) for column in columns)
        lines.append("".join(_character(calendar.states.get(day)) for day in days))
    used = [state for state in COLOURS if state in calendar.states.values()]
    lines += ["", ", ".join(f"{COLOURS[state][1]} {state_words(state)}" for state in used)]
    # Dagster stores it: `forget` erases identifiers from there, but knows no other names.
    name = "".join(c for c in calendar.device_id if c.isalnum() or c in "-_. ")
    return f"{name}\n\n```\n" + "\n".join(lines) + "\n```\n"


def _character(state: State | None) -> str:
    return _NO_DAY if state is None else COLOURS[state][1]
