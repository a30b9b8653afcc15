"""`givlake read-inverter`: settings, one reader per folder, its end, a missing library."""

import signal
import subprocess
import sys
import time

import pytest

from tests.support.made_house import SERIAL, MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving
from tests.support.owner import Owner, finished
from tests.support.ports import free_port
from tests.support.timeouts import TIMEOUT_S

HOUSE = MadeHouse()


@pytest.fixture
def inverter():
    with serving(ModbusInverter(HOUSE.registers)) as served:
        yield served


def home_owner(tmp_path, address, **settings):
    """Return an owner without a token: nothing of the cloud is needed."""
    return Owner(tmp_path, {"GIVLAKE_LOCAL_INVERTER": address, **settings}, token=None)


def test_one_read_is_a_row_and_is_shown(new_data, inverter):
    owner = home_owner(new_data.parent, inverter.host)
    done = owner.givlake("read-inverter", "--once")
    assert done.status == 0, done.err
    assert done.out.startswith(f"{SERIAL} at 2")
    (row,) = owner.rows()
    used_w = HOUSE.powers(row["time"]).load
    assert f"home {used_w:,.0f} W" in done.out
    assert row["consumption_power_w"] == used_w
    assert set(inverter.functions) == {3, 4}
    archived = owner.sql("SELECT * EXCLUDE (requested_at, fetched_at) FROM requests")[0]
    assert (archived["source"], archived["outcome"], archived["rows"]) == ("local", "ok", 1)
    assert archived["complete"] is False
    assert archived["message"] == "read locally, not proven"
    assert archived["response_id"] < 0
    assert "127.0.0.1" not in str(archived)
    assert (owner.data / "local/polls.jsonl").read_bytes() == b""


def test_in_a_folder_without_an_account_status_asks_for_nothing_of_the_api(new_data, inverter):
    every_dataset = {"GIVLAKE_DATASETS": ""}
    owner = home_owner(new_data.parent, inverter.host, **every_dataset)
    assert owner.givlake("read-inverter", "--once").status == 0
    found = owner.givlake("status")
    assert "not requested" not in found.output
    assert "givlake sync" not in found.output
    days = owner.sql("SELECT dataset, state FROM coverage")
    assert {row["dataset"] for row in days} == {"inverter_data_points"}
    assert {row["state"] for row in days} == {"unproven"}


def test_an_inverter_that_is_away_is_named(new_data):
    owner = home_owner(new_data.parent, f"127.0.0.1:{free_port()}")
    done = owner.givlake("read-inverter", "--once")
    assert done.status == 1
    assert "was not read: it cannot be reached (Connection refused)." in done.err
    assert owner.rows() == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"GIVLAKE_LOCAL_INVERTER": ""}, "GIVLAKE_LOCAL_INVERTER is not set: set it to the"),
        ({"GIVLAKE_LOCAL_INVERTER": "a:b"}, "GIVLAKE_LOCAL_INVERTER is 'a:b': use the name or IP"),
        ({"GIVLAKE_LOCAL_INVERTER": "http://a"}, "GIVLAKE_LOCAL_INVERTER is 'http://a': use the"),
        ({"GIVLAKE_LOCAL_INVERTER": "a:0"}, "GIVLAKE_LOCAL_INVERTER is 'a:0': use the name or"),
        ({"GIVLAKE_LOCAL_EVERY_S": "9"}, "GIVLAKE_LOCAL_EVERY_S is '9': use a whole number from"),
        ({"GIVLAKE_LOCAL_EVERY_S": "301"}, "GIVLAKE_LOCAL_EVERY_S is '301': use a whole number"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, settings, message):
    owner = home_owner(tmp_path, **{"address": "127.0.0.1", **settings})
    done = owner.givlake("read-inverter", "--once")
    assert done.status == 2
    assert done.err.startswith(f"givlake: {message}")
    assert not owner.data.exists()


@pytest.mark.processes
def test_without_the_library_it_says_what_to_install(tmp_path):
    program = (
        "import sys; sys.modules['givenergy_modbus'] = None; sys.argv[1:] = ['read-inverter'];"
        "import importlib.util; real = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name, *rest:"
        " None if name == 'givenergy_modbus' else real(name, *rest);"
        "from pipelines.cli import main; main()"
    )
    owner = home_owner(tmp_path, "127.0.0.1")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=owner.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "givlake: Reading an inverter on the home network needs the package givenergy-modbus: pip"
        " install 'givlake[local]'\n"
    )


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_a_second_reader_is_refused(new_data, inverter, number):
    owner = home_owner(new_data.parent, inverter.host, GIVLAKE_LOCAL_EVERY_S="300")
    process = owner.start("read-inverter")
    assert process.stdout is not None
    assert process.stdout.readline().decode().startswith(f"Reading {inverter.host} every 300 s")
    journal = owner.data / "local/polls.jsonl"
    deadline = time.monotonic() + TIMEOUT_S
    while not journal.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.05)
    second = owner.givlake("read-inverter", "--once")
    assert second.status == 2
    assert "A givlake read-inverter reads into" in second.err
    assert owner.rows() == []
    process.send_signal(number)
    done = finished(process)
    assert done.status == 0, done.output
    assert len(owner.rows()) == 1
    assert journal.read_bytes() == b""


@pytest.mark.processes
def test_forgetting_reaches_what_a_killed_reader_left(new_data, inverter):
    owner = home_owner(new_data.parent, inverter.host)
    assert owner.givlake("read-inverter", "--once").status == 0
    process = owner.start("read-inverter")
    journal = owner.data / "local/polls.jsonl"
    deadline = time.monotonic() + TIMEOUT_S
    while not journal.stat().st_size and time.monotonic() < deadline:
        time.sleep(0.05)
    refused = owner.givlake("forget", "--device", SERIAL, "--yes")
    assert refused.status == 2
    assert "stop that first" in refused.err
    process.kill()
    process.communicate()
    done = owner.givlake("forget", "--device", SERIAL, "--yes")
    assert done.status == 0, done.err
    assert owner.rows() == []
    left = [
        path
        for path in owner.data.rglob("*")
        if path.is_file() and SERIAL.encode() in path.read_bytes()
    ]
    assert left == []
