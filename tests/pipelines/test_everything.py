"""An account with everything: what one backfill brings of each dataset, value by value."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.framework import DayRange
from assets.framework.contract.dataset import DailyDataset
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.decoding.response_check import why_unreadable
from assets.registry import datasets
from givenergy.server_clock import clock_correction_s
from pipelines.clock_state import restore_clock
from simulator import Simulator
from tests.support import clock
from tests.support.every_device import every_device
from tests.support.owner import Owner

pytestmark = pytest.mark.slow

LONDON = ZoneInfo("Europe/London")
DAYS = 3
FLOWS = (
    "pv_to_home_kwh",
    "pv_to_battery_kwh",
    "pv_to_grid_kwh",
    "grid_to_home_kwh",
    "grid_to_battery_kwh",
    "battery_to_home_kwh",
    "battery_to_grid_kwh",
)
NOT_FOR_OWNERS = {"account_children", "account_devices", "site_statuses"}


# At the session's moment, and in a month's first minutes, when it is the last day of one in UTC.
@pytest.fixture(
    scope="module",
    params=[None, "2026-05-01T00:05+01:00"],
    ids=str,
)
def now(request):
    """Give a present for the simulator that stands still and is not overtaken by the test."""
    with clock.at(request.param or datetime.now(UTC)) as begun:
        at = begun.replace(microsecond=0)
        ahead = at + timedelta(minutes=10)
        while ahead > at and any(
            ahead.astimezone(zone).date() > at.astimezone(zone).date() for zone in (UTC, LONDON)
        ):
            ahead -= timedelta(minutes=1)
        yield ahead


@pytest.fixture(scope="module")
def sim(now):
    """Simulate three inverters, one a Gateway, two chargers, an EMS and two smart devices."""
    config = every_device(now, DAYS, clock=now)
    with Simulator(config) as simulator:
        ended = {
            "event": "Grid Voltage High",
            "start_time": f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        going_on = {**ended, "event": "Battery Cold", "end_time": None}
        simulator.set_listing("events", simulator.serials[0], [going_on, ended])
        yield simulator


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Let the owner of the account fetch everything, once."""
    chosen = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ""}
    made = Owner(tmp_path_factory.mktemp("owner"), chosen, token=sim.token)
    done = made.givlake("backfill")
    assert done.status == 0, done.output
    return made


def values(rows, *columns):
    return sorted(tuple(row[name] for name in columns) for row in rows)


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def test_energy_flows(sim, owner, now):
    found = owner.sql("FROM energy_flows")
    expected = []
    first = now.astimezone(LONDON).date() - timedelta(days=DAYS)
    until = now.astimezone(LONDON).date() + timedelta(days=1)
    for serial in sim.serials:
        for row in sim.truth_of(
            "energy-flows",
            serial,
            start_time=str(first),
            end_time=str(until),
            grouping=0,
            types=list(range(7)),
        ):
            kwh = tuple(row["data"].get(str(number)) for number in range(7))
            expected.append((serial, row["start_time"], *kwh))
    got = [
        (row["inverter_serial"], f"{row['start_local']:%Y-%m-%d %H:%M}", *(row[n] for n in FLOWS))
        for row in found
    ]
    assert len(expected) > 100
    assert sorted(got) == sorted(expected)


def test_sums_of_energy_flows(sim, owner, now):
    """An inverter that was offline all day has no sum of it: which have one, the simulator says."""
    rows = owner.sql("FROM energy_flow_aggregates")
    found = {}
    for row in rows:
        start, end = (f"{row[name]:%Y-%m-%d %H:%M}" for name in ("start_local", "end_local"))
        key = row["inverter_serial"], row["grouping"], start, end
        found[key] = [row[name] for name in FLOWS]
    today = now.astimezone(LONDON).date()
    expected = {
        (serial, grouping, row["start_time"], row["end_time"]): [
            row["data"][str(number)] for number in range(7)
        ]
        for serial in sim.serials
        for grouping in (1, 2, 3, 4)
        for row in sim.truth_of(
            "energy-flows",
            serial,
            start_time=str(today - timedelta(days=DAYS)),
            end_time=str(today),
            grouping=grouping,
            types=list(range(7)),
        )
    }
    assert {grouping for _, grouping, *_ in expected} == {1, 2, 3, 4}
    assert len(found) == len(rows)
    assert found == expected


def test_ev_meter_readings(sim, owner):
    found = owner.sql("FROM ev_meter_readings")
    assert found
    for uuid in sim.charger_uuids:
        of_charger = [row for row in found if row["charger_uuid"] == uuid]
        start = min(row["time"] for row in of_charger)
        end = max(row["time"] for row in of_charger)
        expected = [
            (row["meter_id"], utc(row["timestamp"] + "+00:00"), one["measurand"], one["value"],
             one["unit"])
            for row in sim.truth_of(
                "ev-meter-data",
                uuid,
                start_time=f"{start:%Y-%m-%dT%H:%M:%SZ}",
                end_time=f"{end:%Y-%m-%dT%H:%M:%SZ}",
                measurands=list(range(22)),
                meter_ids=list(range(4)),
            )
            for one in row["measurements"]
        ]  # fmt: skip
        got = values(of_charger, "meter_id", "time", "measurand", "value", "unit")
        assert got == sorted(expected)
    assert {row["measurand_name"] for row in found if row["measurand"] == 13} == {
        "Power.Active.Import"
    }


def test_charging_sessions(sim, owner):
    found = owner.sql("FROM ev_charging_sessions")
    expected = [
        (uuid, utc(row["started_at"]), row["meter_start"], row["meter_stop"], row["stop_reason"])
        for uuid in sim.charger_uuids
        for row in sim.truth_of("charging-sessions", uuid)
    ]
    columns = ("charger_uuid", "started_at", "meter_start_kwh", "meter_stop_kwh", "stop_reason")
    assert values(found, *columns) == sorted(expected)


def test_events(sim, owner):
    found = owner.sql("FROM inverter_events")
    expected = [
        (serial, row["event"], utc(row["start_time"]))
        for serial in sim.serials
        for row in sim.truth_of("events", serial, cleared=1)
    ]
    assert values(found, "inverter_serial", "event", "started_at") == sorted(expected)


def test_smart_devices(sim, owner):
    found = owner.sql("FROM smart_device_readings")
    expected = [
        (uuid, utc(row["time"]), row["power"])
        for uuid in sim.smart_device_uuids
        for row in sim.truth_of("smart-device-data", uuid)
    ]
    assert expected
    assert values(found, "device_uuid", "time", "power_w") == sorted(expected)


def test_what_cannot_be_had_later(sim, owner):
    for table, listing in (
        ("inverter_system_readings", "system-data"),
        ("inverter_meter_readings", "meter-data"),
    ):
        found = {row["inverter_serial"]: row for row in owner.sql(f"FROM {table}")}
        for serial in sim.serials:
            (row,) = sim.truth_of(listing, serial)
            assert found[serial]["time"] == utc(row["time"])
    (ems,) = sim.ems_serials
    (expected,) = sim.truth_of("ems-system-data", ems)
    (got,) = owner.sql("FROM ems_readings")
    assert (got["battery_power_w"], got["status"]) == (
        expected["battery_power"],
        expected["status"],
    )
    inverters = owner.sql("FROM ems_inverter_readings ORDER BY number")
    assert [row["active_power_w"] for row in inverters] == [
        row["active_power"] for row in expected["inverters"]
    ]
    assert len(owner.sql("FROM ems_meter_readings")) == len(expected["meters"])


def test_devices_and_their_settings(sim, owner):
    assert values(owner.sql("FROM inverters_now"), "inverter_serial") == sorted(
        (serial,) for serial in [*sim.serials, *sim.ems_serials]
    )
    assert values(owner.sql("FROM ev_chargers_now"), "charger_uuid") == sorted(
        (uuid,) for uuid in sim.charger_uuids
    )
    # A Gateway lists the battery of the inverter beside it once more.
    batteries = owner.sql("FROM batteries_now")
    assert len({row["battery_id"] for row in batteries}) == len(batteries) == 3
    settings = owner.sql("FROM inverter_setting_definitions_now")
    assert len(settings) == sum(len(sim.truth_of("settings", serial)) for serial in sim.serials)
    commands = owner.sql("FROM ev_charger_commands_now")
    assert len(commands) == sum(len(sim.truth_of("ev-commands", u)) for u in sim.charger_uuids)
    configured = owner.sql("FROM ev_charger_configuration_now WHERE command = 'change-mode'")
    for row in configured:
        (expected,) = sim.truth_of("ev-command-data", f"{row['charger_uuid']}/change-mode")
        assert json.loads(row["data"]) == expected


def test_meters_and_presets_of_inverters(sim, owner, now):
    meters, presets = [], []
    for serial in sim.serials:
        dates = {"start_time": "2020-01-01", "end_time": f"{now.date() + timedelta(days=2)}"}
        for row in sim.truth_of("inverter-meter-data", serial, address=1, **dates):
            power = tuple(row[f"active_power_{place}"] for place in ("1", "2", "3", "total"))
            meters.append((serial, 1, utc(row["time"]), *power))
        for row in sim.truth_of("presets", serial):
            if row["identifier"] != "reset-to-defaults":
                (sent,) = sim.truth_of("preset-values", serial, preset=row["identifier"])
                if sent is not None:
                    presets.append((serial, row["identifier"], json.dumps(sent, sort_keys=True)))
    names = ("active_power_1_w", "active_power_2_w", "active_power_3_w", "active_power_total_w")
    found = owner.sql("FROM inverter_grid_meter_readings ORDER BY inverter_serial, time")
    assert [
        tuple(row[name] for name in ("inverter_serial", "address", "time", *names)) for row in found
    ] == meters
    found = owner.sql("FROM inverter_preset_values_now")
    assert sorted(presets) == sorted(
        (
            row["inverter_serial"],
            row["preset"],
            json.dumps(json.loads(row["data"]), sort_keys=True),
        )
        for row in found
    )


def test_every_dataset_has_a_state_and_nothing_is_requested_twice(sim, owner):
    done = owner.givlake("status", "--format", "json")
    assert done.status == 0, done.output
    parts = {part["dataset"]: part for part in json.loads(done.out)}
    lacking = {name for name, part in parts.items() if "" in part.get("not_available", {})}
    assert lacking == NOT_FOR_OWNERS - {"account_devices"}
    empty = {name for name, part in parts.items() if "rows" in part and not part["rows"]}
    assert empty == NOT_FOR_OWNERS
    sim.clear_requests()
    assert owner.givlake("backfill").status == 0
    # What was refused once is not believed yet.
    refused = ["account-children", "status"]
    asked = [request.path.rpartition("/")[2] for request in sim.requests]
    assert sorted(asked) == sorted(["communication-device", *refused])
    assert sim.commands_received == 0


def test_dagster_shows_the_lists_that_a_backfill_requested_before_its_runs(owner):
    """They stood as never materialized, and all that reads them as out of date."""
    lists = ("communication_devices", "inverters", "batteries", "ev_chargers", "smart_devices")
    with owner.dagster() as (_, instance):
        for name in lists:
            for key in (dg.AssetKey(name), dg.AssetKey(["archive", name])):
                event = instance.get_latest_materialization_event(key)
                if key.path[0] == "archive" and name in ("inverters", "batteries"):
                    assert event is None  # They come with the communication devices.
                    continue
                shown = event.asset_materialization.metadata
                assert shown["requests"].value == 1
                if len(key.path) == 1:
                    (rows,) = owner.sql(f"SELECT count(*) AS number FROM {name}")
                    assert shown["dagster/row_count"].value == rows["number"]
                    header, _, *lines = shown["preview"].value.splitlines()
                    assert len(lines) == min(rows["number"], 3)
                    assert "fetched" not in header
                    assert "valid" not in header


def test_the_days_of_a_dataset_begin_with_its_own_devices(owner, now):
    """A month before a charger's first session stood as missing for the inverters too."""
    commissioned = now.astimezone(LONDON).date() - timedelta(days=DAYS)
    with owner.dagster() as (definitions, _):
        begins = {
            name: definitions.get_assets_def(name).partitions_def.get_first_partition_key()
            for name in ("inverter_data_points", "energy_flows", "ev_meter_readings")
        }
    assert begins["inverter_data_points"] == begins["energy_flows"] == f"{commissioned}"
    (first,) = owner.sql("SELECT min(request_date) AS day FROM ev_meter_readings")
    assert begins["ev_meter_readings"] < f"{first['day']}"
    assert begins["ev_meter_readings"] < f"{commissioned}"


def test_the_nightly_refresh_requests_what_is_due_and_else_starts_no_run(sim, owner):
    def names(selection):
        return {key.path[-1] for key in selection if key.path[0] == "archive"}

    with owner.dagster() as (definitions, instance):
        schedule = definitions.resolve_schedule_def("refresh_daily")
        (asked_for,) = owner.sql("SELECT max(fetched_at) AS at FROM communication_devices")
        asked = {}
        # Schedules go by this machine's clock; the simulator's moves ahead with each request.
        with owner.lake() as lake:
            restore_clock(lake)
        begun_at = asked_for["at"] + timedelta(seconds=clock_correction_s())
        for days in (0, 1, 7):
            at = begun_at + timedelta(days=days, minutes=1)
            with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
                ticked = schedule.evaluate_tick(context)
            asked[days] = {n for r in ticked.run_requests for n in names(r.asset_selection)}
        # What was refused once is not believed yet.
        assert asked[0] == NOT_FOR_OWNERS
        assert {"ev_charging_sessions", "inverter_events", "ev_chargers"} <= asked[1]
        assert asked[7] - asked[1] >= {"inverter_presets", "ev_charger_configuration", "accounts"}
        # What is not due is not asked for, lists of devices included.
        sim.clear_requests()
        lists = definitions.resolve_job_def("refresh").execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(["archive", "smart_devices"])],
            run_config={"ops": {"smart_devices": {"config": {"refresh": False}}}},
        )
        assert lists.success
        assert sim.requests == []


def test_a_rebuild_without_the_network_gives_the_same_rows(sim, owner):
    tables = [row["name"] for row in owner.sql("SELECT view_name AS name FROM duckdb_views()")]
    hashed = (
        "SELECT count(*) AS rows, sum(hash(COLUMNS(* EXCLUDE (response_id, fetched_at)))) FROM {}"
    )
    kept = [name for name in tables if name in ("energy_flows", "ev_meter_readings", "inverters")]
    before = {name: owner.sql(hashed.format(name)) for name in kept}
    sim.stop()
    try:
        assert owner.givlake("rebuild").status == 0
    finally:
        sim.start()
    assert len(kept) == 3
    assert {name: owner.sql(hashed.format(name)) for name in kept} == before


NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, -(2**63), 2**63, 2**64, 10**30, -1, 0, 1e308, -1e-320, 5e-324]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "12", "1e999", "NaN", "2025-02-30T00:00:00Z", "9999-12-31T23:59:59Z"]),
    st.sampled_from(["0001-01-01T00:00:00Z", "2025-06-01 10:00", "24:00", "a" * 5000, "\x00", "±"]),
    st.sampled_from([{}, [], [None], [[]], {"value": {}}, {"a": [1, {"b": None}]}]),
)


def places(value, path=()):
    """Name each place in a JSON value, whatever stands there."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else ()
    for name, child in enumerate(value) if isinstance(value, list) else children:
        yield from places(child, (*path, name))


@pytest.fixture(scope="module")
def answers(owner):
    """Give an answer of each dataset, its lists cut short."""
    found = {}
    with owner.lake() as lake:
        for dataset in datasets():
            for batch in lake.archive.read(dataset.name):
                if filled := [one for one in batch.responses if one.rows or one.rows is None]:
                    found[dataset.name] = dataset, max(filled, key=lambda one: len(one.body))
    return found


# No other moment gives other answers.
@pytest.mark.parametrize("now", [None], ids=str, indirect=True)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_value_of_a_response_stops_a_build_or_goes_unaccounted(answers, data):
    dataset, answer = answers[data.draw(st.sampled_from(sorted(answers)), "dataset")]
    body = json.loads(answer.body)
    if isinstance(body["data"], list):
        del body["data"][3:]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(body["data"])) or [()]), "place")
        at = body["data"]
        for name in path[:-1]:
            at = at[name]
        if path:
            at[path[-1]] = deepcopy(data.draw(NASTY, "value"))
    spoilt = replace(answer, body=json.dumps(body).encode(errors="replace"))
    if isinstance(dataset, DailyDataset):
        day = spoilt.request_date
        why_unreadable(
            dataset, [spoilt.body], DayRange(spoilt.device_id, day, day), "Europe/London"
        )
        dataset.rows_by_day([spoilt.body], day, day, "Europe/London")
    decoder = DatasetDecoder(dataset)
    decoded = decoder.decode([spoilt])
    assert "decoder_failed" not in decoded.quarantine["reason"].to_pylist()
    rows = sum(table.num_rows for table in decoded.tables.values())
    aside = {
        (row["table"], row["row_index"])
        for row in decoded.quarantine.to_pylist()
        if not row["is_row_kept"]
    }
    assert rows + len(aside) == sum(decoded.rows_in.values())
    for table in decoder.tables:
        assert decoded.tables[table.name].cast(table.schema).num_rows >= 0
