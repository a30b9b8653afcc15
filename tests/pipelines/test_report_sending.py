"""How reports are sent: by the command and by Dagster."""

import base64
import re
from datetime import UTC, datetime
from unittest.mock import patch

import dagster as dg
import pytest

from pipelines.reports.report_job import report_job
from pipelines.reports.site_reports import notes_on_unsent
from pipelines.settings import load_settings
from pipelines.settings_file import SettingsError
from tests.support.html_tables import tables_of
from tests.support.http_listener import listening
from tests.support.report_house import june_of, report_house
from tests.support.settings import settings_of


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Give a house with days that are not whole, and a tariff."""
    with report_house(tmp_path_factory) as house:
        yield house


@pytest.fixture(scope="module")
def june(house):
    """Give the report of June."""
    return june_of(house)


@pytest.mark.slow
def test_it_is_sent_with_the_file_and_the_key_figures(house, june):
    with listening() as listener:
        url = listener.url()
        with patch.dict(house.owner.settings, {"GIVLAKE_ALERT_URLS": url}):
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
            assert (done.status, done.err) == (0, "")
            (message,) = listener.heard
            assert message["title"].endswith(", June 2024")
            lines = message["message"].splitlines()
            assert re.fullmatch(r"Solar: [\d.]+ kWh \(\d of 30 days\)", lines[0])
            assert re.fullmatch(r"Whole: \d+ of 30 days", lines[-1])
            (file,) = message["attachments"]
            assert re.fullmatch(r"givlake-report-\w+-2024-06\.html", file["filename"])
            assert file["mimetype"] == "text/html"
            sent = base64.b64decode(file["base64"]).decode()
            assert tables_of(sent) == tables_of(june)
            assert "1 message sent." in done.out
            listener.status = 500
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert done.status == 1
    assert "address 1 of GIVLAKE_ALERT_URLS (json://…) rejected the report" in done.err
    assert str(listener.port) not in done.output


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"GIVLAKE_ALERT_APP": "1"},
                                      {"GIVLAKE_ALERT_URLS": "xbmc://127.0.0.1"}])  # fmt: skip
def test_channels_that_take_no_file_are_not_enough(house, settings):
    with patch.dict(house.owner.settings, settings):
        done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert done.status == 2
    assert "None of the alert channels can take a file" in done.err
    assert house.sim.notifications == []


@pytest.mark.slow
def test_beside_one_that_takes_files_the_app_is_left_out(house):
    with listening() as listener:
        settings = {"GIVLAKE_ALERT_APP": "1", "GIVLAKE_ALERT_URLS": listener.url()}
        with patch.dict(house.owner.settings, settings):
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert (done.status, done.err, len(listener.heard)) == (0, "", 1)
    assert house.sim.notifications == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "now", "label"),
    [
        ("monthly", datetime(2024, 7, 1, 7, 30, tzinfo=UTC), "2024-06"),
        ("weekly", datetime(2024, 6, 17, 7, 30, tzinfo=UTC), "2024-W24"),
    ],
)
def test_dagster_sends_the_last_whole_period_once(house, every, now, label):
    with listening() as listener:
        settings = {"GIVLAKE_ALERT_URLS": listener.url(), "GIVLAKE_REPORT": every}
        with (
            patch.dict(house.owner.settings, settings),
            house.owner.dagster() as (definitions, instance),
        ):
            schedule = definitions.resolve_schedule_def(f"send_report_{every}")
            assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING

            def request():
                with dg.build_schedule_context(instance, scheduled_execution_time=now) as context:
                    (found,) = schedule.evaluate_tick(context).run_requests
                return found

            found = request()
            assert found.run_key == request().run_key == f"report {label}"
            job = definitions.resolve_job_def("send_report")
            done = job.execute_in_process(instance=instance, run_config=found.run_config)
            assert done.success
            (message,) = listener.heard
            assert label in message["attachments"][0]["filename"]


@pytest.mark.slow
def test_what_dagster_cannot_send_is_tried_again_and_then_an_alert(house):
    with listening() as works, listening() as fails:
        fails.status = 500
        settings = {"GIVLAKE_ALERT_URLS": f"{works.url()} {fails.url()}"}
        with patch.dict(house.owner.settings, settings), house.owner.dagster() as (_, instance):
            retries = dg.RetryPolicy(max_retries=2)
            job = report_job(load_settings(), "Europe/London", retries)

            def run():
                config = {"ops": {"send_report": {"config": {"day": "2024-06-01"}}}}
                return job.execute_in_process(
                    instance=instance, run_config=config, raise_on_error=False
                )

            failed = run()
            assert not failed.success
            assert len(failed.filter_events(lambda event: event.is_step_restarted)) == 2
            (failure,) = failed.filter_events(lambda event: event.is_step_failure)
            metadata = failure.step_failure_data.user_failure_data.metadata
            assert metadata["givlake/failure_kind"].value == "fault send_report"
            assert fails.url() not in str([*instance.all_logs(failed.run_id)])
            # What one channel has is not sent to it again, by a later run neither.
            assert len(works.heard) == 1
            fails.status = 200
            assert run().success
            assert (len(works.heard), len(fails.heard)) == (1, 1)
            # Whoever sends a report again of which all was sent wants it again.
            assert run().success
            assert (len(works.heard), len(fails.heard)) == (2, 2)


@pytest.mark.slow
def test_without_the_setting_or_a_channel_dagster_sends_nothing(house):
    with house.owner.dagster() as (definitions, instance):
        assert not [one for one in definitions.schedules if "report" in one.name]
        assert not [job for job in definitions.jobs if job.name == "send_report"]
    with (
        patch.dict(house.owner.settings, {"GIVLAKE_REPORT": "weekly"}),
        house.owner.dagster() as (definitions, instance),
    ):
        schedule = definitions.resolve_schedule_def("send_report_weekly")
        now = datetime(2024, 6, 17, 7, 30, tzinfo=UTC)
        with dg.build_schedule_context(instance, scheduled_execution_time=now) as context:
            tick = schedule.evaluate_tick(context)
    assert tick.run_requests == []
    assert "No alert channel is set" in tick.skip_message


def test_of_many_sites_a_message_says_that_others_are_not_sent():
    names = [f"7{number:04}" for number in range(1520)]
    assert notes_on_unsent(names[:20]) == []
    assert notes_on_unsent(names) == [
        "Only the reports of the first 20 sites are sent; make those of the other 1,500 with"
        " givlake report --site."
    ]


def test_the_setting_is_checked():
    with pytest.raises(SettingsError, match="GIVLAKE_REPORT is 'daily': use weekly or monthly"):
        settings_of({"GIVLAKE_REPORT": "daily"})
    assert settings_of({}).report is settings_of({"GIVLAKE_REPORT": "off"}).report is None
    assert settings_of({"GIVLAKE_REPORT": "Weekly"}).report == "weekly"


@pytest.mark.slow
def test_nothing_is_sent_if_the_file_cannot_be_written(house):
    (house.owner.folder / "there.html").write_text("kept")
    with listening() as listener:
        with patch.dict(house.owner.settings, {"GIVLAKE_ALERT_URLS": listener.url()}):
            done = house.owner.givlake(
                "report", "--month", "2024-06", "--send", "--to", "there.html"
            )
        assert listener.heard == []
    assert (done.status, "it exists" in done.err) == (2, True)
    assert (house.owner.folder / "there.html").read_text() == "kept"
