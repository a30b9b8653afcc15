"""Alerts: one for each cause and one when it is over, by Apprise and by the owner's own app."""

import re
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts import send_alerts
from pipelines.alerts.message import alert_message, plain_name, recovery_message
from pipelines.alerts.overdue import Overdue
from pipelines.alerts.sensors import is_due
from pipelines.alerts.sent_alerts import Incidents, SentAlerts, compare
from pipelines.settings import load_settings
from pipelines.settings_file import SettingsError
from simulator import TokenGrant
from tests.support.clock import LONDON, at_moments, at_notable_moments
from tests.support.http_listener import Listener, listening
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S
from warehouse.coverage import Gap, State

DAYS = [date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 3)]
RANGE = ("--start", DAYS[0], "--end", DAYS[-1])
MISSING, OVER = "givlake: data missing", "givlake: resolved"


@pytest.fixture
def listener():
    with listening() as heard:
        yield heard


def alerted(own, sim, listener: Listener, **settings: str):
    return own(sim, GIVLAKE_ALERT_URLS=listener.url(), **settings)


@pytest.mark.slow
def test_a_failure_is_reported_once_and_so_is_its_end(simulate, own, listener):
    sim = simulate(inverters=2)
    owner = alerted(own, sim, listener)
    sim.fail(f"/{sim.serials[0]}/data-points/{DAYS[1]}", status=500)
    assert owner.givlake("backfill", *RANGE).status == 1
    assert owner.givlake("backfill", *RANGE).status == 1
    assert listener.titles == [MISSING]
    assert listener.texts[0].splitlines() == [
        f"inverter_data_points of {sim.serials[0]}: 1 device-day missing, 2 Jun 2025",
        "Run givlake status for details",
    ]
    # The other inverter is another cause.
    sim.fail(f"/{sim.serials[1]}/data-points/2025-06-04", status=500)
    assert owner.givlake("backfill", "--start", "2025-06-04", "--end", "2025-06-04").status == 1
    assert listener.titles == [MISSING] * 2
    assert f"of {sim.serials[1]}: 1 device-day missing, 4 Jun 2025" in listener.texts[1]
    sim.clear_failures()
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", "2025-06-04").status == 0
    assert listener.titles == [MISSING, MISSING, OVER]
    assert "inverter_data_points of" in listener.texts[2]
    assert "2 device-days no longer missing, 2 Jun 2025 to 4 Jun 2025" in listener.texts[2]


@pytest.mark.slow
def test_a_refused_token_is_reported_once_whatever_command_meets_it(simulate, own, listener):
    sim = simulate(inverters=1, tokens=(TokenGrant("good"),))
    owner = alerted(own, sim, listener)
    assert owner.givlake("backfill", *RANGE).status == 0
    owner.settings["GIVENERGY_API_TOKEN"] = "spent"
    for command in (("sync",), ("backfill", *RANGE)):
        assert owner.givlake(*command).status == 1
    assert listener.titles == [MISSING]
    assert listener.texts[0].startswith("The API rejects the token")
    owner.settings["GIVENERGY_API_TOKEN"] = "good"
    assert owner.givlake("backfill", *RANGE).status == 0
    assert listener.titles == [MISSING, OVER]
    assert listener.texts[1] == "The API accepts the token again"


@pytest.mark.slow
def test_what_could_not_be_sent_is_due_again_and_changes_no_exit_status(simulate, own, listener):
    sim = simulate(inverters=1)
    owner = alerted(own, sim, listener)
    sim.fail(f"data-points/{DAYS[0]}", status=500)
    listener.status = 500
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 1
    assert "address 1 of GIVLAKE_ALERT_URLS (json://…) rejected the alert" in done.err
    assert str(listener.port) not in done.output
    listener.status = 200
    assert owner.givlake("backfill", *RANGE).status == 1
    assert listener.titles == [MISSING]


@pytest.mark.slow
def test_nothing_is_looked_for_without_a_place_to_tell_of_it(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    sim.fail(f"data-points/{DAYS[0]}", status=500)
    assert owner.givlake("backfill", *RANGE).status == 1
    with owner.lake() as lake:
        assert lake.state.get("sent_alerts") is None
    done = owner.givlake("alert")
    assert done.status == 2
    assert "set GIVLAKE_ALERT_URLS" in done.err


@pytest.mark.slow
def test_the_app_is_notified_ten_times_an_hour_at_most_and_texts_pass_its_rules(
    simulate, own, listener, monkeypatch
):
    patience = "pipelines.alerts.channels._APP_TIMEOUT_S"
    monkeypatch.setattr(patience, TIMEOUT_S)
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_ALERT_APP="1")
    said = owner.givlake("alert", "--test")
    assert said.status == 1
    assert "the account is not known yet. Run givlake sync once" in said.err
    sim.fail(f"data-points/{DAYS[0]}", status=500)
    assert owner.givlake("backfill", *RANGE).status == 1
    (first,) = sim.notifications
    assert first["title"] == MISSING
    assert first["platforms"] == ["persist", "push"]
    for _ in range(9):
        assert owner.givlake("alert", "--test").status == 0
    # Nobody waits for the eleventh.
    monkeypatch.setattr(patience, 0.5)
    done = owner.givlake("alert", "--test")
    assert done.status == 1
    assert "ten alerts sent within the last hour" in done.err
    assert len(sim.notifications) == 10
    assert sim.stats()["statuses"].get("429") is None


@pytest.mark.slow
def test_a_missing_scope_is_reported_by_name_and_a_failure_of_the_api_as_one(simulate, own):
    names = ("account:read", "inverter:list", "inverter:read", "inverter:data")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(inverters=1, tokens=(TokenGrant("narrow", 1, scopes), TokenGrant("wide")))
    owner = own(sim, GIVLAKE_ALERT_APP="1")
    assert owner.givlake("backfill", *RANGE).status == 0
    done = owner.givlake("alert", "--test")
    assert done.status == 1
    assert "It needs the scope api:notification:send" in done.err
    owner.settings["GIVENERGY_API_TOKEN"] = "wide"
    sim.override("/notification/send", b'{"success": false}')
    done = owner.givlake("alert", "--test")
    assert done.status == 1
    assert "could not send it to every platform" in done.err


def test_an_address_that_apprise_does_not_know_is_named_without_being_shown(simulate, own):
    owner = own(simulate(inverters=1), GIVLAKE_ALERT_URLS="bogus://user:sesame@host")
    done = owner.givlake("alert", "--test")
    assert done.status == 1
    assert "address 1 of GIVLAKE_ALERT_URLS (bogus://…) is not an Apprise URL" in done.err
    assert "sesame" not in done.output


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"GIVLAKE_ALERT_URLS": "sesame@example.org"},
            "GIVLAKE_ALERT_URLS: address 1 is not a URL",
        ),
        ({"GIVLAKE_ALERT_APP": "yes"}, "GIVLAKE_ALERT_APP is 'yes': use 1"),
        ({"GIVLAKE_ALERT_BY": "25:00"}, "GIVLAKE_ALERT_BY is '25:00': use a time of day"),
    ],
)
def test_settings_that_cannot_be_used(settings, says):
    with pytest.raises(SettingsError, match=re.escape(says)) as caught:
        settings_of(settings)
    assert "sesame" not in str(caught.value)


def test_addresses_may_hold_commas():
    urls = "mailto://a:b@c.org?to=x@y.org,z@y.org, json://h/p"
    settings = settings_of({"GIVLAKE_ALERT_URLS": urls})
    assert settings.alert_urls == ("mailto://a:b@c.org?to=x@y.org,z@y.org", "json://h/p")
    assert "json" not in repr(settings)


@pytest.mark.slow
def test_dagster_tells_of_a_failed_run_and_of_its_end(simulate, own, listener, today):
    sim = simulate(inverters=1)
    owner = alerted(own, sim, listener)
    assert owner.givlake("backfill", *RANGE).status == 0
    sim.fail(f"data-points/{today - timedelta(days=2)}", status=500)
    with owner.dagster() as (definitions, instance):
        names = {sensor.name for sensor in definitions.sensors}
        assert names == {"alert_run_failure", "alert_missed_completeness"}

        def run() -> dg.ExecuteInProcessResult:
            day = f"{today - timedelta(days=2)}"
            job = definitions.resolve_job_def("ingest_inverter_data_points")
            return job.execute_in_process(
                instance=instance, partition_key=day, raise_on_error=False
            )

        def fail_sensor(result: dg.ExecuteInProcessResult) -> None:
            context = dg.build_run_status_sensor_context(
                "alert_run_failure",
                result.get_run_failure_event() if not result.success else None,
                instance,
                result.dagster_run,
            ).for_run_failure()
            definitions.resolve_sensor_def("alert_run_failure")(context)

        def missed_sensor() -> None:
            with dg.build_sensor_context(instance) as context:
                definitions.resolve_sensor_def("alert_missed_completeness")(context)

        failed = run()
        fail_sensor(failed)
        fail_sensor(failed)
        assert listener.titles == [MISSING]
        assert f"of {sim.serials[0]}: 1 device-day missing" in listener.texts[0]
        # What the run could not even begin with is another cause.
        owner.settings["GIVENERGY_API_TOKEN"] = "spent"
        with owner.lake() as lake:
            lake.state.set("discovered_at", "2025-06-01T00:00:00+00:00")
    with owner.dagster() as (definitions, instance):
        refused = run()
        fail_sensor(refused)
        assert [text.partition(":")[0] for text in listener.texts[1:]] == [
            "The API rejects the token"
        ]
        owner.settings["GIVENERGY_API_TOKEN"] = sim.token
    with owner.dagster() as (definitions, instance):
        sim.clear_failures()
        assert run().success
        missed_sensor()
        assert listener.titles[2:] in ([OVER], [MISSING, OVER])
        assert "The API accepts the token again" in listener.texts[-1]
        assert "no longer missing" in listener.texts[-1]
        secret = listener.url()
        assert all(
            secret not in str(record)
            for result in (failed, refused)
            for record in instance.all_logs(result.run_id)
        )


@at_notable_moments
def test_the_hour_by_which_yesterday_should_be_there_is_the_accounts(moment, today):
    settings = settings_of({"GIVLAKE_ALERT_BY": "09:00"})
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        nine = datetime.combine(day, time(9), LONDON)
        assert is_due(nine, settings, "Europe/London")
        assert not is_due(nine.astimezone(UTC) - timedelta(seconds=1), settings, "Europe/London")


@pytest.mark.slow
@at_moments(
    "autumn, the repeated hour, second",
    "the first minutes of a year",
)
def test_yesterday_that_nobody_fetched_is_missed_by_the_hour_and_not_before(
    simulate, own, listener
):
    # Where local days are those of UTC, yesterday is over at any hour.
    sim = simulate(inverters=2, timezone="UTC", rows_per_day=48)
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    owner = alerted(own, sim, listener)
    before = ("--start", today - timedelta(days=9), "--end", today - timedelta(days=7))
    assert owner.givlake("backfill", *before).status == 0
    noon = datetime.combine(today, time(12), UTC)
    with owner.environment_set():
        settings = load_settings()
        assert not is_due(datetime.combine(today, time(4), UTC), settings, "UTC")
        assert is_due(noon, settings, "UTC")
        assert send_alerts(settings, unrequested=False, now=noon).messages == 0
        assert send_alerts(settings, unrequested=True, now=noon).messages == 1
        assert send_alerts(settings, unrequested=True, now=noon).messages == 0
        assert "2 device-days missing" in listener.texts[0]
        # Fetched since it was over: yesterday is there, though it can change for a day more.
        assert owner.givlake("backfill", "--start", yesterday, "--end", yesterday).status == 0
        assert listener.titles == [MISSING, OVER]
        # Nobody has asked for anything for days.
        assert send_alerts(settings, unrequested=True, now=noon + timedelta(days=4)).messages == 1
        assert "No request since the day before yesterday" in listener.texts[-1]


def test_a_day_that_was_fetched_before_it_was_over_only_is_missed(simulate, own, listener, today):
    sim = simulate(inverters=1)
    owner = alerted(own, sim, listener)
    assert owner.givlake("backfill", "--start", today, "--end", today).status == 0
    with owner.environment_set():
        later = datetime.combine(today + timedelta(days=1), time(12), UTC)
        assert send_alerts(load_settings(), unrequested=True, now=later).messages == 1


def gaps(*ranges: tuple[int, int], wrong: bool = True) -> list[Gap]:
    state = State.FAILED if wrong else State.NOT_REQUESTED
    return [Gap(date(2025, 6, a), date(2025, 6, b), state) for a, b in ranges]


def test_runs_of_days_are_causes():
    def after(told: SentAlerts, *ranges: tuple[int, int]):
        found = Overdue({"d": {"X": gaps(*ranges)}} if ranges else {}, {}, {"d"})
        changes = compare(told, found, unrequested=False)
        now = datetime(2025, 7, 1, tzinfo=UTC)
        return changes, changes.applied(told, started=True, ended=True, now=now)

    changes, told = after(SentAlerts(), (1, 1))
    assert changes.started
    assert not changes.ended
    # An outage goes on: nothing new. Its first day is mended: nothing is over yet.
    changes, told = after(told, (1, 5))
    assert not changes.started
    assert not changes.ended
    changes, told = after(told, (3, 6))
    assert not changes.started
    assert not changes.ended
    # Another hole is not hidden behind one that lasts.
    changes, told = after(told, (3, 6), (20, 20))
    assert changes.started.days == {"d": {"X": [(date(2025, 6, 20),) * 2]}}
    assert not changes.ended
    changes, told = after(told, (20, 20))
    assert changes.ended.days == {"d": {"X": [(date(2025, 6, 3), date(2025, 6, 6))]}}
    changes, told = after(told)
    assert changes.ended
    assert told == SentAlerts()


def test_a_repaired_day_is_over_though_the_next_day_is_missing():
    """A new hole beside a mended one used to hide that the old one was over."""
    told = SentAlerts(days={"d": {"X": [(date(2025, 6, 1),) * 2]}})
    changes = compare(told, Overdue({"d": {"X": gaps((2, 2))}}, {}, {"d"}), unrequested=False)
    assert changes.ended.days == {"d": {"X": [(date(2025, 6, 1),) * 2]}}
    assert changes.started.days == {"d": {"X": [(date(2025, 6, 2),) * 2]}}


def test_what_was_not_looked_at_is_not_over():
    told = SentAlerts(days={"d": {"X": [(date(2025, 6, 1),) * 2]}}, snapshots={"e": ["Y"]})
    changes = compare(told, Overdue(), unrequested=True)
    assert not changes.started
    assert not changes.ended
    assert changes.applied(told, started=False, ended=False, now=datetime.now(UTC)) == told


def test_what_could_not_be_reported_stays_as_it_was():
    told = SentAlerts(days={"d": {"X": [(date(2025, 6, 1),) * 2]}}, snapshots={"e": ["Y"]})
    found = Overdue({"d": {"Z": gaps((5, 5))}}, {"e": {"W": True}}, {"d", "e"})
    changes = compare(told, found, unrequested=False)
    assert changes.started
    assert changes.ended
    assert changes.applied(told, started=False, ended=False, now=datetime.now(UTC)) == told


REFUSED = re.compile(
    r"\S@\S|\d(?:[ ().-]*\d){6}|://|www\.|\w\.[a-zA-Z]{2}|[\x00-\x09\x0b-\x1f\x7f]"
)


@given(
    st.text(max_size=60)
    | st.from_regex(r"[A-Za-z0-9@.:/+-]{1,60}", fullmatch=True)
    | st.sampled_from(["+44 7700 900123", "07700900123", "a@b.example", "evil.example/x", "..", ""])
)
def test_no_name_of_a_device_brings_an_address_or_a_number_into_an_alert(device_id):
    days = {"inverter_data_points": {device_id: [(date(2025, 6, 1), date(2025, 11, 30))]}}
    incidents = Incidents(
        days, {"sites": [device_id]}, ["token", "stale", "fault ingest_energy_flows"]
    )
    for message in (alert_message(incidents), recovery_message(incidents)):
        assert not REFUSED.search(message.title + "\n" + message.body)


def test_devices_are_named_by_serial_number():
    assert plain_name("CE1234G567") == "CE1234G567"
    assert plain_name("66529e01-d113-3473-8d6f-9e11e09332ea") == "66529e01"
    assert plain_name("12345678-1234-3473-8d6f-9e11e09332ea") is None
    many = {"d": {f"AB{i:04}": [(date(2025, 6, 1),) * 2] for i in range(10)}}
    text = alert_message(Incidents(many)).body.splitlines()[0]
    assert text == "d of AB0000, AB0001, AB0002 and 7 more: 10 device-days missing, 1 Jun 2025"


def test_a_folder_in_which_no_token_was_used_yet_is_looked_at_without_a_failure(simulate, own):
    """The sensors look from the first start of `givlake ui` on, before any run."""
    with listening() as inbox:
        owner = own(simulate(inverters=1), GIVLAKE_ALERT_URLS=inbox.url())
        done = owner.givlake("alert")
        assert (done.status, done.err) == (0, "")
        assert inbox.heard == []
        with owner.environment_set():
            send_alerts(load_settings(), failures=["token"])
        assert len(inbox.heard) == 1
