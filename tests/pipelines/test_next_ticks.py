"""When the schedules tick next, at times that were worked out by hand."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from pipelines.cli.next_ticks import lines, next_tick
from pipelines.definitions_factory import build_definitions
from tests.support.settings import settings_of

LONDON = "Europe/London"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "at"),
    [
        # At a tick, the next one; in summer London is an hour ahead.
        ("*/15 * * * *", LONDON, "2026-06-17T10:40:00", "2026-06-17T10:45:00"),
        ("*/15 * * * *", LONDON, "2026-06-17T10:45:00", "2026-06-17T11:00:00"),
        ("*/15 * * * *", LONDON, "2026-06-17T10:44:59.9", "2026-06-17T10:45:00"),
        ("20 4 * * *", LONDON, "2026-06-17T10:40:00", "2026-06-18T03:20:00"),
        ("20 4 * * *", LONDON, "2026-06-17T03:19:00", "2026-06-17T03:20:00"),
        ("10 */3 * * *", LONDON, "2026-06-17T10:40:00", "2026-06-17T11:10:00"),
        ("0 * * * *", LONDON, "2026-12-31T23:30:00", "2027-01-01T00:00:00"),
        # Clocks go forward on 29 March and back on 25 October 2026, at 01:00 UTC.
        ("20 4 * * *", LONDON, "2026-03-28T12:00:00", "2026-03-29T03:20:00"),
        ("20 4 * * *", LONDON, "2026-10-24T12:00:00", "2026-10-25T04:20:00"),
        ("20 4 * * *", LONDON, "2026-10-24T03:20:00", "2026-10-25T04:20:00"),
        ("*/30 * * * *", LONDON, "2026-10-25T00:59:00", "2026-10-25T01:00:00"),
        ("5,35 4 * * *", "America/New_York", "2026-06-17T08:10:00", "2026-06-17T08:35:00"),
        ("20 4 * * *", "Asia/Kathmandu", "2026-06-17T08:10:00", "2026-06-17T22:35:00"),
        # Of Mondays, and of the first day of a month; 2026-06-17 is a Wednesday.
        ("30 8 * * 1", LONDON, "2026-06-17T10:40:00", "2026-06-22T07:30:00"),
        ("30 8 * * 1", LONDON, "2026-06-22T07:29:00", "2026-06-22T07:30:00"),
        ("30 8 * * 1", LONDON, "2026-10-19T07:30:00", "2026-10-26T08:30:00"),
        ("30 8 1 * *", LONDON, "2026-06-17T10:40:00", "2026-07-01T07:30:00"),
        ("30 8 1 * *", LONDON, "2026-10-01T07:30:00", "2026-11-01T08:30:00"),
    ],
)
def test_the_next_tick_of_an_expression(cron, zone, after, at):
    assert next_tick(cron, zone, utc(after)) == utc(at)


@pytest.mark.parametrize("cron", ["20 4 * 6 *", "20 4 1 * 1"])
def test_an_expression_of_months_or_both_kinds_of_days_is_refused(cron):
    with pytest.raises(ValueError, match="one kind of days"):
        next_tick(cron, LONDON, utc("2026-06-17T10:40:00"))


def test_what_is_printed(tmp_path):
    settings = settings_of(
        {
            "GIVLAKE_DATA": str(tmp_path / "none"),
            "GIVLAKE_DATASETS": "inverter_data_points,energy_flows",
            "GIVLAKE_ALERT_URLS": "json://127.0.0.1/",
        }
    )
    now = utc("2026-06-17T10:40:00")
    assert list(lines(settings, (), now)) == [
        "Next scheduled runs (times in Europe/London):",
        "  Wed 11:45     poll",
        "  Wed 12:00     inverter_data_points_today",
        "  Wed 12:10     energy_flows_today",
        "  Thu 04:20     energy_flows_daily, inverter_data_points_daily",
        "  Thu 04:40     refresh_daily",
        "  later         compact_archive_daily, check_history_daily, check_data_daily",
        "  every 30 s    alert_run_failure",
        "  every 15 min  alert_missed_completeness",
    ]
    few = list(lines(settings, {"poll", "alert_run_failure", "of_another"}, now))
    assert few[1] == "  Wed 12:00     inverter_data_points_today"
    assert few[-1] == "  stopped       alert_run_failure, poll"
    definitions = build_definitions(settings)
    every = [one.name for one in definitions.schedules]
    stopped = list(lines(settings, every, now))
    assert stopped[:2] == [
        "All schedules are stopped.",
        "  every 30 s    alert_run_failure",
    ]
    assert " ".join(stopped[3:]).split(maxsplit=1)[1].replace(",", "").split() == sorted(every)


@pytest.mark.parametrize(
    ("every", "line"),
    [
        ("monthly", "  1 Jul 08:30   send_report_monthly"),
        ("weekly", "  Mon 08:30     send_report_weekly"),
    ],
)
def test_reports_are_printed_with_their_day(tmp_path, every, line):
    settings = settings_of({"GIVLAKE_DATA": str(tmp_path), "GIVLAKE_REPORT": every})
    others = [one.name for one in build_definitions(settings).schedules if "report" not in one.name]
    assert list(lines(settings, others, utc("2026-06-17T10:40:00")))[1] == line


def test_everything_runs_by_default(tmp_path):
    settings = settings_of(
        {"GIVLAKE_DATA": str(tmp_path), "GIVLAKE_ALERT_URLS": "json://127.0.0.1/"}
    )
    definitions = build_definitions(settings)
    schedules, sensors = list(definitions.schedules), list(definitions.sensors)
    assert {one.default_status for one in schedules} == {dg.DefaultScheduleStatus.RUNNING}
    assert {one.default_status for one in sensors} == {dg.DefaultSensorStatus.RUNNING}
    assert (len(schedules), len(sensors)) == (11, 2)
