"""What fails must not take the rest along, is said by name, and is all that is asked for again."""

import re
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import requests

from simulator import TokenGrant
from tests.support import clock
from tests.support.simulator_truth import assert_same, days_between, expected_rows

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 4))
RANGE = ("--start", DAYS[0], "--end", DAYS[-1])
KEYS = [dg.AssetKey(["archive", "inverter_data_points"]), dg.AssetKey("inverter_data_points")]


def materialized(instance: dg.DagsterInstance) -> list[set[str]]:
    return [instance.get_materialized_partitions(key) for key in KEYS]


@pytest.mark.slow
def test_one_inverter_fails_on_one_day_and_only_that_is_requested_again(simulate, own):
    sim = simulate()
    owner = own(sim)
    serial, day = sim.serials[1], DAYS[2]
    sim.fail(rf"/{serial}/data-points/{day}", status=500)

    done = owner.givlake("backfill", *RANGE)
    assert done.status == 1
    assert f"1 device-day failed, first {serial} {day}" in done.out
    assert "11 device-days complete, 1 failed" in done.out
    wanted = expected_rows(sim, sim.serials, DAYS)
    missing = expected_rows(sim, [serial], [day])
    assert_same(owner.rows(), {key: row for key, row in wanted.items() if key not in missing})
    good = {f"{other}" for other in DAYS if other != day}
    with owner.dagster() as (_, instance):
        assert materialized(instance) == [good, good]
        (run,) = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.FAILURE
        (failed,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        said = failed.dagster_event.event_specific_data.user_failure_data.description
        assert serial in said
        assert f"{day}" in said

    status = owner.givlake("status")
    assert status.status == 1
    assert f"--device {serial} --start {day} --end {day}" in status.out

    # The fault comes once more, which takes a setting under which it is tried again.
    sim.clear_failures()
    sim.fail(rf"/{serial}/data-points/{day}", status=500, times=1)
    sim.clear_requests()
    owner.settings["GIVLAKE_RETRY_S"] = "30"
    assert owner.givlake("backfill", *RANGE).status == 0
    assert [request.path for request in sim.requests] == [
        "/v1/communication-device",
        *[f"/v1/inverter/{serial}/data-points/{day}"] * 2,
    ]
    assert_same(owner.rows(), wanted)
    with owner.dagster() as (_, instance):
        assert materialized(instance) == [good | {f"{day}"}] * 2


@pytest.mark.slow
def test_a_device_that_is_gone_is_named_and_neither_fails_nor_is_requested_every_day(
    simulate, own, today
):
    # It was last in contact 400 days ago: later days are not expected of it.
    days = days_between(today - timedelta(days=410), today - timedelta(days=407))
    asked_for = ("--start", days[0], "--end", days[-1])
    # Lists as well devices with `inverter: null` and `{}`.
    sim = simulate(gone=1, inverters=2, commissioned=today - timedelta(days=500))
    owner = own(sim, GIVLAKE_CONNECTIONS="1")
    (gone,) = (device.serial for device in sim.devices if device.gone)
    once = owner.givlake("backfill", *asked_for)
    assert once.status == 1
    assert "8 device-days complete, 3 failed, 1 not requested" in once.out
    assert sum(gone in request.path for request in sim.requests) == 3
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))

    now = datetime.now(UTC)
    with clock.at(now + timedelta(hours=2)):
        sim.clear_requests()
        # A second refusal at another time is believed.
        done = owner.givlake("backfill", *asked_for)
        assert done.status == 0
        assert f"{gone} is gone: " in done.out
        assert "8 device-days complete, 4 gone" in done.out
        assert sum(gone in request.path for request in sim.requests) == 3
        sim.clear_requests()
        again = owner.givlake("backfill", *asked_for)
        assert again.status == 0
        assert [request.path for request in sim.requests] == ["/v1/communication-device"]
        with owner.dagster() as (_, instance):
            assert materialized(instance) == [{f"{day}" for day in days}] * 2
    with clock.at(now + timedelta(hours=23)):
        sim.clear_requests()
        owner.givlake("sync")
        # It is asked for again daily: a device can come back.
        assert sum(gone in request.path for request in sim.requests) == 3


@pytest.mark.slow
def test_an_account_without_inverters_is_reported_as_such(simulate, own):
    sim = simulate(inverters=0)
    # The list of child accounts is refused to a home owner, whose devices it cannot have.
    owner = own(sim, GIVLAKE_DATASETS="account_children,inverter_data_points")
    for arguments in (("backfill", *RANGE), ("sync",), ("plan",)):
        done = owner.givlake(*arguments)
        assert (done.status, done.err) == (0, "")
        assert "The account has no devices" in done.out
    assert owner.rows() == []
    shown = owner.givlake("status")
    assert shown.status == 0
    assert f"No devices are known in {owner.data} as of 20" in " ".join(shown.out.split())


@pytest.mark.slow
def test_a_new_device_is_reported_with_the_command_that_fetches_its_history(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    assert "New device" not in owner.givlake("backfill", *RANGE).output
    (old,) = sim.serials
    new = sim.add_device().serial
    offered = f"New device {new}: fetch its history with givlake backfill --device"
    assert f"{offered} {new}" in owner.givlake("plan", *RANGE).out
    # `plan` only reads: a command that fetches takes note of the device.
    fetched = owner.givlake("backfill", *RANGE, "--device", old)
    assert f"{offered} {new}" in fetched.output
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def("ingest_inverter_data_points")
        looked = definitions.resolve_job_def("check_history")
        (check,) = looked.execute_in_process(instance=instance).get_asset_check_evaluations()
        assert not check.passed
        assert f"givlake backfill --device {new}" in str(check.description)
        assert job.execute_in_process(instance=instance, partition_key=f"{DAYS[0]}").success
        (check,) = looked.execute_in_process(instance=instance).get_asset_check_evaluations()
        assert check.passed
    assert owner.givlake("backfill", *RANGE, "--device", new).status == 0
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
def test_days_that_were_refused_are_fetched_once_access_is_granted(simulate, own):
    names = ("account:read", "inverter:list", "inverter:read")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(tokens=(TokenGrant("first-token", 1, scopes), TokenGrant("second-token")))
    owner = own(sim)
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 1
    assert done.out.count("It needs the scope api:inverter:data") == 1
    assert "forbidden" in done.out
    assert owner.rows() == []

    owner.settings["GIVENERGY_API_TOKEN"] = "second-token"
    assert owner.givlake("backfill", *RANGE).status == 0
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
def test_a_day_whose_response_holds_nothing_that_is_a_point_is_not_there(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    (serial,) = sim.serials
    answers = {
        DAYS[0]: b'{"data": {"message": "Server busy."}}',
        DAYS[1]: b'{"data": ["a", null, 1]}',
        DAYS[2]: b'{"data": [{"error": "Server busy."}, {"time": "soon"}]}',
    }
    for day, body in answers.items():
        sim.override(rf"/{serial}/data-points/{day}", body)
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 1
    assert "1 device-day complete, 1 partial, 2 failed" in done.out
    told = owner.sql("SELECT state, coalesce(last_error, reason) AS why FROM coverage ORDER BY ALL")
    assert [(row["state"], row["why"]) for row in told if row["state"] != "not_requested"] == [
        ("complete", "fetched when final"),
        ("failed", "The response's data contains 3 elements, but no row."),
        ("failed", "The response's data is an object instead of the requested rows."),
        ("partial", "None of the 2 rows received can be read; the first: time is null."),
    ]
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS[3:]))

    sim.clear_failures()
    assert owner.givlake("backfill", *RANGE).status == 0
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "state"),
    [(403, "forbidden"), (404, "failed")],
)
def test_a_day_that_is_refused_takes_no_other_day_along(simulate, own, status, state):
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_CONNECTIONS="1")
    (serial,) = sim.serials
    # The newest day is asked for first, when nothing of the device has come in yet.
    sim.fail(rf"/{serial}/data-points/{DAYS[-1]}", status=status)
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 1
    assert f"1 device-day failed, first {serial} {DAYS[-1]}: " in done.out
    assert f"3 device-days complete, 1 {state}" in done.out
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS[:-1]))
    with owner.dagster() as (_, instance):
        good = {f"{day}" for day in DAYS[:-1]}
        assert materialized(instance) == [good, good]

    sim.clear_failures()
    assert owner.givlake("backfill", *RANGE).status == 0
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
def test_what_a_token_may_not_read_of_one_dataset_leaves_the_others(simulate, own, today):
    names = ("account:read", "inverter:list", "inverter:read", "inverter:data", "ev-charger:list")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(inverters=1, ev_chargers=1, tokens=(TokenGrant("no-charger-data", 1, scopes),))
    owner = own(sim, GIVLAKE_DATASETS="ev_meter_readings,inverter_data_points")
    days = days_between(today - timedelta(days=9), today - timedelta(days=8))
    done = owner.givlake("backfill", "--start", days[0], "--end", days[-1])
    assert done.status == 1
    assert done.out.count("It needs the scope api:ev-charger:data") == 1
    assert "ev_meter_readings: 1 device-day forbidden, 1 not requested" in done.out
    assert "inverter_data_points: 2 device-days complete" in done.out
    assert_same(owner.rows(), expected_rows(sim, sim.serials, days))
    assert sum("/meter-data" in request.path for request in sim.requests) <= len(days)


@pytest.mark.slow
def test_a_token_that_may_not_list_inverters_still_fetches_chargers(simulate, own, today):
    names = ("account:read", "ev-charger:list", "ev-charger:data")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(inverters=1, ev_chargers=1, tokens=(TokenGrant("chargers-only", 1, scopes),))
    owner = own(sim, GIVLAKE_DATASETS="communication_devices,ev_meter_readings")
    day = today - timedelta(days=8)
    done = owner.givlake("backfill", "--start", day, "--end", day)
    assert done.status == 1
    assert "It needs the scope api:inverter:list" in done.out
    assert "communication_devices: forbidden" in done.out
    assert "ev_meter_readings: 1 device-day complete" in done.out
    assert owner.sql("FROM ev_meter_readings") != []


@pytest.mark.slow
def test_backfill_names_what_a_token_may_not_list(simulate, own):
    names = ("account:read", "inverter:list", "inverter:data")
    scopes = frozenset(f"api:{name}" for name in names)
    sim = simulate(inverters=1, ev_chargers=1, tokens=(TokenGrant("no-charger-list", 1, scopes),))
    owner = own(sim, GIVLAKE_DATASETS="ev_meter_readings,inverter_data_points")
    for _ in range(2):
        done = owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[0])
        assert done.status == 0
        assert "The token lacks scopes: api:ev-charger:list for ev_chargers. Add" in done.out
        assert done.out.count("api:ev-charger:list") == 1


@pytest.mark.slow
def test_a_number_that_no_float_can_hold_costs_its_value_only(simulate, own):
    """In a response with personal data it ended every command."""
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_DATASETS="accounts,sites,inverter_data_points")

    def with_huge_number(path: str, name: str) -> bytes:
        headers = {"Authorization": f"Bearer {sim.token}", "Accept": "application/json"}
        sent = requests.get(sim.base_url + path, headers=headers, timeout=60).content
        number = rb'("%s": ?)"?-?[0-9.]+"?' % name.encode()
        body, changes = re.subn(number, rb"\g<1>1e400", sent, count=1)
        assert changes
        return body

    for path, name in (("/account", "id"), ("/site", "latitude"), ("/site", "id")):
        sim.override(rf"{path}(\?|$)", with_huge_number(path, name))
    done = owner.givlake("backfill", "--start", DAYS[-1], "--end", DAYS[-1])
    assert done.status == 0, done.output
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS[-1:]))
    set_aside = owner.sql('SELECT dataset, "column", value FROM quarantine ORDER BY dataset')
    assert [tuple(row.values()) for row in set_aside] == [
        ("accounts", "id", "inf"),
        ("sites", "id", "inf"),
    ]
