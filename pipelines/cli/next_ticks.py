"""What runs by itself under Dagster, and when next: a few lines for the start of `givlake ui`."""

import textwrap
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from pipelines.cli.common import duration
from pipelines.settings import Settings

_LOCATION = "pipelines.definitions"
_MINUTE = timedelta(minutes=1)
# Every schedule ticks once a day at least; a day can have 25 hours.
_LONGEST = timedelta(hours=26)
_TIMES_SHOWN = 5
_WIDTH = 79
_INDENT = 14


def stopped_by_hand(instance: dg.DagsterInstance) -> set[str]:
    """Name the schedules and sensors that somebody has stopped in Dagster."""
    return {
        state.instigator_name
        for state in instance.all_instigator_state()
        if state.status.value == "STOPPED" and state.repository_selector.location_name == _LOCATION
    }


def lines(settings: Settings, stopped: Collection[str], now: datetime) -> Iterator[str]:
    """Say which schedules and sensors of the definitions tick next.

    Args:
        settings: where the data folder is, and what runs.
        stopped: names of those that are stopped.
        now: the present time, UTC.
    """
    # The assets take a second to load, which `givlake ui` does not wait for.
    from pipelines.definitions_factory import build_definitions

    definitions = build_definitions(settings)
    schedules = [
        one for one in definitions.schedules or () if isinstance(one, dg.ScheduleDefinition)
    ]
    sensors = [one for one in definitions.sensors or () if isinstance(one, dg.SensorDefinition)]
    running = [one for one in schedules if one.name not in stopped]
    zone = next((one.execution_timezone for one in schedules if one.execution_timezone), "UTC")
    ticks = next_ticks(running, now)
    yield f"Next by itself, times in {zone}:" if ticks else "No schedule runs: all are stopped."
    for at, names in ticks[:_TIMES_SHOWN]:
        yield _row(f"{at.astimezone(ZoneInfo(zone)):%a %H:%M}", names)
    if later := [name for _, names in ticks[_TIMES_SHOWN:] for name in names]:
        yield _row("later", later)
    for sensor in sensors:
        if sensor.name not in stopped and sensor.minimum_interval_seconds:
            yield _row(f"each {duration(sensor.minimum_interval_seconds)}", [sensor.name])
    named = {*(schedule.name for schedule in schedules), *(sensor.name for sensor in sensors)}
    if off := sorted(named & {*stopped}):
        yield _row("stopped", off)


def next_ticks(
    schedules: Sequence[dg.ScheduleDefinition], now: datetime
) -> list[tuple[datetime, list[str]]]:
    """Give the next tick of each schedule, the soonest first; those of one minute go together."""
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
    """Give the first minute after a time at which a cron expression is due, in UTC.

    Args:
        cron: minutes and hours, and any day: the only kind that the schedules have.
        zone: the time zone of minutes and hours.
        after: a time, UTC.

    Raises:
        ValueError: if the expression names days, or is never due.
    """
    minutes, hours, *days = cron.split()
    if days != ["*"] * 3:
        raise ValueError(f"{cron!r} is not an expression of minutes and hours of every day")
    due_minutes, due_hours = _values(minutes, 60), _values(hours, 24)
    at = after.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    for _ in range(_LONGEST // _MINUTE):
        local = at.astimezone(ZoneInfo(zone))
        if local.minute in due_minutes and local.hour in due_hours:
            return at
        at += _MINUTE
    raise ValueError(f"{cron!r} is not due within {_LONGEST}")


def _values(field: str, end: int) -> set[int]:
    """Read `*`, `*/15`, `4` or `5,35`."""
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
