"""Reading settings from the inverters: off by default, last of all, seen in every report."""

import json
import logging
import signal
import time
from datetime import date

import dagster as dg
import pytest

from pipelines.definitions_factory import build_definitions
from tests.support.owner import finished
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S

NAME = "inverter_setting_values"
DATASETS = f"communication_devices,inverter_setting_definitions,{NAME}"
ON = {"GIVLAKE_READ_SETTINGS": "weekly"}


@pytest.fixture
def simulator_defaults():
    return {
        "inverters": 2,
        "gateways": 0,
        "rate_limit": 100_000,
        "empty_day_rate": 0.0,
        "commissioned": date(2026, 6, 1),
        "rows_per_day": 20,
    }


def truth(sim):
    return {
        (serial, row["id"], json.dumps(row["value"]))
        for serial in sim.serials
        for row in sim.truth_of("setting-values", serial)
    }


def values(owner):
    rows = owner.sql(f"FROM {NAME}_now")
    return {(row["inverter_serial"], row["setting_id"], row["value"]) for row in rows}


@pytest.mark.slow
def test_off_means_that_no_command_asks_an_inverter(simulate, own):
    sim = simulate()
    owner = own(sim, GIVLAKE_DATASETS="inverter_setting_definitions")
    for command in (
        ("plan", "--dataset", NAME),
        ("backfill", "--dataset", NAME),
        ("backfill", "--refetch", "--dataset", NAME),
        ("sync", "--dataset", NAME),
    ):
        done = owner.givlake(*command)
        assert done.status == 2
        assert "GIVLAKE_READ_SETTINGS=weekly or daily" in done.err
        assert "Traceback" not in done.output
    assert sim.requests == []
    assert owner.givlake("backfill", "--dataset", "inverter_setting_definitions").status == 0
    for command in (("sync",), ("status",), ("doctor",)):
        assert NAME not in owner.givlake(*command).output
    assert sim.device_reads == []
    assert sim.commands_received == 0


def test_a_list_of_datasets_that_names_it_says_how_to_switch_it_on(simulate, own):
    owner = own(simulate(), GIVLAKE_DATASETS=DATASETS)
    done = owner.givlake("backfill")
    assert (done.status, "GIVLAKE_READ_SETTINGS=weekly or daily" in done.err) == (2, True)
    without = own(simulate(), GIVLAKE_DATASETS=f"-{NAME}")
    assert without.givlake("backfill", "--dataset", "communication_devices").status == 0


@pytest.mark.parametrize("every", ["hourly", "1"])
def test_how_often_is_weekly_or_daily(simulate, own, every):
    done = own(simulate(), GIVLAKE_READ_SETTINGS=every).givlake("status")
    assert done.status == 2
    assert f"GIVLAKE_READ_SETTINGS is {every!r}: use weekly or daily" in done.err


@pytest.mark.slow
def test_a_first_backfill_reads_all_values_after_everything_else(simulate, own):
    sim = simulate()
    owner = own(sim, **ON, GIVLAKE_DATASETS=f"{DATASETS},inverter_data_points")
    done = owner.givlake("plan", "--start", "2026-06-15", "--format", "json")
    assert json.loads(done.out)["requests"][NAME] == 9
    assert sim.device_reads == []
    shown = owner.givlake("plan", "--start", "2026-06-15").out
    assert f"{NAME} asks the inverters themselves" in shown
    sim.clear_requests()
    done = owner.givlake("backfill", "--start", "2026-06-15")
    assert done.status == 0, done.output
    paths = [request.path for request in sim.requests]
    assert paths[-9:] == ["/v1/multi-control/read"] * 9
    assert len(sim.device_reads) == 9
    assert sim.commands_received == 0
    assert values(owner) == truth(sim)
    plan = json.loads(owner.givlake("plan", "--format", "json").out)
    assert plan["requests"].get(NAME, 0) == 0
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert sim.device_reads == []
    status = owner.givlake("status")
    lines = status.out.splitlines()
    assert "Settings read weekly from the inverters: all settings that can be read" in lines
    assert f"{sim.serials[0]}: 9 settings, last read 2026" in status.out


@pytest.mark.slow
def test_an_inverter_that_is_offline_is_reported_and_fails_nothing(simulate, own):
    sim = simulate()
    owner = own(sim, **ON, GIVLAKE_DATASETS=DATASETS)
    offline, online = sim.serials
    sim.set_device_state(offline, -2)
    done = owner.givlake("backfill")
    assert done.status == 0, done.output
    assert f"{NAME}: {offline} is offline (-2); 8 more not asked for in this run." in done.output
    assert {serial for serial, _, _ in values(owner)} == {online}
    status = owner.givlake("status")
    assert status.status == 0
    assert f"{offline}: 0 settings; no answer 2026" in status.out
    assert "Device offline (-2)" in status.out
    doctor = owner.givlake("doctor").out
    assert "Device offline (-2)" in doctor
    assert "to list settings and presets, and to read settings" in doctor
    (line,) = (each for each in doctor.splitlines() if "(-2)" in each)
    assert line.startswith("note  settings read")
    assert sim.commands_received == 0


@pytest.mark.slow
def test_an_unknown_setting_is_one_sentence_with_the_nearest(simulate, own):
    sim = simulate()
    owner = own(
        sim, **ON, GIVLAKE_DATASETS=DATASETS, GIVLAKE_READ_SETTING_NAMES="Night Charge Targt"
    )
    said = (
        "GIVLAKE_READ_SETTING_NAMES has 'Night Charge Targt', which is no setting of an inverter:"
        " no setting is read until it is corrected. Did you mean Night Charge Target"
    )
    for command in ("plan", "backfill", "plan", "backfill", "sync", "status", "doctor"):
        done = owner.givlake(command)
        output = " ".join(done.output.split())
        is_fetching = command in ("backfill", "sync")
        assert (command, done.status) == (command, 2 if is_fetching else 0)
        assert output.count(said) == 1, command
        assert "Traceback" not in done.output
        if is_fetching:
            assert "Incomplete" not in done.output
    (line,) = (each for each in done.out.splitlines() if "'Night" in each)
    assert line.startswith("note  settings read")
    assert "clock" in done.out
    assert sim.device_reads == []
    assert len(owner.sql("FROM inverter_setting_definitions_now")) == 20


@pytest.mark.slow
def test_a_wrong_name_keeps_nothing_else_back(simulate, own):
    sim = simulate()
    owner = own(
        sim,
        **ON,
        GIVLAKE_DATASETS=f"{DATASETS},inverter_data_points",
        GIVLAKE_READ_SETTING_NAMES="303,Nonsense",
    )
    done = owner.givlake("backfill", "--start", "2026-06-15")
    assert done.status == 2
    assert "Fetched " in done.out
    assert "'Nonsense', which is no setting" in done.err
    assert owner.sql("FROM inverter_data_points") != []
    with owner.dagster() as (definitions, instance):
        result = definitions.resolve_job_def("refresh").execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["archive", NAME]), dg.AssetKey(NAME)]
        )
        warnings = [
            event.user_message
            for event in instance.all_logs(result.run_id)
            if event.level == logging.WARNING
        ]
    assert any("'Nonsense', which is no setting" in each for each in warnings)
    assert sim.device_reads == []
    owner.settings["GIVLAKE_READ_SETTING_NAMES"] = "303"
    done = owner.givlake("sync")
    assert done.status == 0, done.output
    assert {setting for _, setting, _ in values(owner)} == {303}


@pytest.mark.slow
def test_names_that_models_give_to_one_number_are_all_known(simulate, own):
    sim = simulate()
    first, second = sim.serials
    for serial, name in ((first, "Name One"), (second, "Name Two")):
        row = {"id": 17, "name": name, "validation": "x", "validation_rules": ["boolean"]}
        body = json.dumps({"data": [row]}).encode()
        sim.override(f"/inverter/{serial}/settings$", body)
    owner = own(
        sim, **ON, GIVLAKE_DATASETS=DATASETS, GIVLAKE_READ_SETTING_NAMES="Name One,Name Two"
    )
    done = owner.givlake("backfill")
    assert done.status == 0, done.output
    assert {each[:2] for each in values(owner)} == {(first, 17), (second, 17)}


@pytest.mark.slow
def test_status_and_doctor_are_silent_if_the_dataset_is_left_out(simulate, own):
    owner = own(simulate(), **ON, GIVLAKE_DATASETS="inverter_setting_definitions")
    assert owner.givlake("backfill").status == 0
    assert "Settings read" not in owner.givlake("status").out
    doctor = owner.givlake("doctor").out
    assert "settings read" not in doctor
    assert "to read settings" not in doctor


def test_dagster_has_the_asset_and_its_schedule_only_if_it_is_on(tmp_path):
    def definitions(**settings):
        return build_definitions(settings_of({"GIVLAKE_DATA": str(tmp_path), **settings}))

    off, on = definitions(), definitions(**ON)
    keys = {key.to_user_string() for key in off.resolve_asset_graph().get_all_asset_keys()}
    assert NAME not in keys
    assert "read_settings" not in {each.name for each in off.schedules or ()}
    keys = {key.to_user_string() for key in on.resolve_asset_graph().get_all_asset_keys()}
    assert {NAME, "inverter_setting_reads", f"archive/{NAME}"} <= keys
    assert "read_settings" in {each.name for each in on.schedules or ()}


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_ended_between_two_settings_is_resumed(simulate, own, number):
    sim = simulate(inverters=1, device_read_s=0.5)
    owner = own(sim, **ON, GIVLAKE_DATASETS=DATASETS)
    process = owner.start("backfill")
    end = time.monotonic() + TIMEOUT_S
    while sum(r.path.endswith("/read") and r.complete for r in sim.requests) < 3:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    done = finished(process)
    assert done.status in (130, -signal.SIGKILL)
    read = len(sim.device_reads)
    assert read < 9
    sim.configure(device_read_s=0.0)
    sim.clear_requests()
    done = owner.givlake("backfill")
    assert done.status == 0, done.output
    assert values(owner) == truth(sim)
    again = 9 - read if number == signal.SIGINT else 9
    assert len(sim.device_reads) <= again
    assert sim.commands_received == 0


@pytest.mark.slow
def test_a_read_without_an_answer_is_a_state_of_the_inverter(simulate, own):
    sim = simulate(inverters=1)
    (serial,) = sim.serials
    owner = own(sim, **ON, GIVLAKE_DATASETS=DATASETS, GIVLAKE_READ_SETTING_NAMES="17,303")
    sim.fail("/settings/303/read", status=504)
    assert owner.givlake("backfill").status == 1
    assert len(sim.device_reads) == 2
    sim.clear_requests()
    done = owner.givlake("sync")
    assert (done.status, sim.device_reads) == (0, []), done.output
    status = owner.givlake("status")
    assert status.status == 0
    assert f"{serial}: 1 settings, last read 2026" in status.out
    (line,) = (each for each in status.out.splitlines() if each.startswith(NAME))
    assert "1 complete" in line
    assert "; no answer 2026" in status.out
    assert "504" in status.out
    (line,) = (each for each in owner.givlake("doctor").out.splitlines() if "504" in each)
    assert line.startswith("note  settings read")


@pytest.mark.slow
def test_a_plan_counts_joint_reads_once_for_more_inverters_than_it_samples(simulate, own):
    sim = simulate(inverters=22)
    owner = own(sim, **ON, GIVLAKE_DATASETS=DATASETS)
    plan = json.loads(owner.givlake("plan", "--format", "json").out)
    assert plan["requests"]["inverter_setting_definitions"] == 22
    assert plan["requests"][NAME] == 9
    assert owner.givlake("backfill").status == 0
    assert len(sim.device_reads) == 9
