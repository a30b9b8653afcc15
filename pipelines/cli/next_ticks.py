"""The next ticks of schedules and sensors, which `givlake ui` prints when it starts."""

import textwrap
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.cli.common import duration
from pipelines.settings import Settings

_MINUTE = timedelta(minutes=1)
# Every schedule ticks at least once a month; a day can have 25 hours.
_LONGEST = timedelta(days=31, hours=2)
_SAME_WEEK = timedelta(days=6)
_TIMES_SHOWN = 5
_WIDTH = 79
_INDENT = 16


def lines(settings: Settings, stopped: Collection[str], now: datetime) -> Iterator[str]:
    """Yield lines with the next ticks of schedules and sensors.

    Args:
        settings: The settings of the process.
        stopped: The names of stopped schedules and sensors.
        now: The present time, UTC.
    """
    # Imported here because the assets take a second to load.
    from pipelines.definitions_factory import build_definitions

    definitions = build_definitions(settings)
    schedules = [
        schedule
        for schedule in definitions.schedules or ()
        if isinstance(schedule, dg.ScheduleDefinition)
    ]
    sensors = [
        sensor for sensor in definitions.sensors or () if isinstance(sensor, dg.SensorDefinition)
    ]
    running = [schedule for schedule in schedules if schedule.name not in stopped]
    zone = next(filter(None, (schedule.execution_timezone for schedule in schedules)), "UTC")
    ticks = next_ticks(running, now)
    yield f"Next scheduled runs (times in {zone}):" if ticks else "All schedules are stopped."
    for at, names in ticks[:_TIMES_SHOWN]:
        local = at.astimezone(ZoneInfo(zone))
        day = f"{local:%a}" if at - now < _SAME_WEEK else f"{local.day} {local:%b}"
        yield _row(f"{day} {local:%H:%M}", names)
    if later := [name for _, names in ticks[_TIMES_SHOWN:] for name in names]:
        yield _row("later", later)
    for sensor in sensors:
        if sensor.name not in stopped and sensor.minimum_interval_seconds:
            yield _row(f"every {duration(sensor.minimum_interval_seconds)}", [sensor.name])
    named = {*(schedule.name for schedule in schedules), *(sensor.name for sensor in sensors)}
    if off := sorted(named & {*stopped}):
        yield _row("stopped", off)


def next_ticks(
    schedules: Sequence[dg.ScheduleDefinition], now: datetime
) -> list[tuple[datetime, list[str]]]:
    """Return the next tick of each schedule, the soonest first, grouped by minute."""
    ticks: dict[datetime, list[str]] = {}
    for schedule in schedules:
        crons = schedule.cron_schedule
        zone = schedule.execution_timezone or "UTC"
        at = min(
            next_tick(cron, zone, now) for cron in ([crons] if isinstance(crons, str) else crons)
        )
        ticks.setdefault(at, []).append(schedule.name)
    return [(at, sorted(ticks[at])) for at in sorted(ticks)]


def next_tick(cron: str, zone: str, after: datetime) -> datetime:
    """Return the first minute after a time at which a cron expression is due, in UTC.

    Args:
        cron: Minutes, hours, and days of the month or of the week, as the schedules have.
        zone: The time zone of the expression.
        after: A time, UTC.

    Raises:
        ValueError: The expression restricts months, both kinds of days, or is never due.
    """
    minutes, hours, month_days, months, week_days = cron.split()
    if months != "*" or "*" not in (month_days, week_days):
        raise ValueError(f"{cron!r} is not an expression of minutes, hours and one kind of days")
    due_minutes, due_hours = _values(minutes, 60), _values(hours, 24)
    due_month_days, due_week_days = _values(month_days, 32), _values(week_days, 7)
    at = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    end = at + _LONGEST
    while at < end:
        local = at.astimezone(ZoneInfo(zone))
        is_due = local.day in due_month_days and local.isoweekday() % 7 in due_week_days
        if not (is_due and local.hour in due_hours):
            # Hours begin at a full hour, or at half past one where zones have half hours.
            at += _MINUTE * (30 - local.minute % 30)
        elif local.minute in due_minutes:
            return at
        else:
            at += _MINUTE
    raise ValueError(f"{cron!r} is not due within {_LONGEST}")


def _values(field: str, end: int) -> set[int]:
    """Return the values of a field such as `*`, `*/15`, `4` or `5,35`."""
    if field == "*":
        return set(range(end))
    if field.startswith("*/"):
        return set(range(0, end, int(field.removeprefix("*/"))))
    return {int(part) for part in field.split(",")}


def _row(when: str, names: Sequence[str]) -> str:
    return textwrap.fill(
        ", ".join(names),
        _WIDTH,
        initial_indent=f"  {when}".ljust(_INDENT),
        subsequent_indent=" " * _INDENT,
    )
