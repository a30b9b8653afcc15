"""The simulator seen from another process: control over HTTP and the command line."""

import datetime as dt
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from simulator import Simulator, SimulatorConfig
from simulator.command_line import main
from simulator.control import Control, ControlError
from tests.support.timeouts import TIMEOUT_S

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sim():
    with Simulator(SimulatorConfig(rate_limit=5, anomalies={"booleans": 0.1})) as simulator:
        yield simulator


@pytest.fixture
def control(sim):
    return Control(sim.base_url)


def test_looking_in_costs_nothing_and_needs_no_token(sim, control):
    about = control.about()
    assert (about["base_url"], about["token"]) == (sim.base_url, sim.token)
    assert about["serials"] == sim.serials
    for _ in range(10):
        stats = control.stats()
    assert (stats["requests"], stats["windows"]) == (0, {})


def test_requests_and_truth(sim, control, ask):
    ask(sim, "/account?x=1")
    (record,) = control.requests()
    assert (record["path"], record["query"], record["status"]) == ("/v1/account", {"x": "1"}, 200)
    assert record["complete"] is True
    control.clear_requests()
    assert control.requests() == []
    serial = sim.serials[0]
    assert control.truth(serial, dt.date(2024, 6, 1)) == sim.truth(serial, "2024-06-01")
    assert (
        control.anomalous_rows(serial, "2024-06-01")
        == sim.anomalous_rows(serial, "2024-06-01")
        != []
    )


def test_orders(sim, control, ask):
    assert control.spend(1) == 0
    control.set_clock(dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
    assert sim.truth(sim.serials[0], "2024-06-01") == []
    control.set_clock(None)
    control.set_rows(sim.serials[0], "2024-06-01", [{"a": 1}])
    assert sim.truth(sim.serials[0], "2024-06-01") == [{"a": 1}]
    control.fail("account", status=503, times=1)
    control.override("account", b"\x00\xff", times=1)
    assert ask(sim, "/account").status_code == 503
    control.clear_failures()
    control.override("account", b"\x00\xff", times=1)
    assert ask(sim, "/account").content == b"\x00\xff"
    control.set_faults({"504": 1})
    assert ask(sim, "/account").status_code == 504
    control.set_faults({}, stall_s=1)
    control.configure(subscription=False)
    assert ask(sim, "/account").status_code == 402


def test_listings_and_chargers(ask):
    clock = dt.datetime(2024, 7, 4, 12, tzinfo=dt.UTC)
    config = SimulatorConfig(ev_chargers=1, smart_devices=1, ev_offline_rate=0, clock=clock)
    with Simulator(config) as sim:
        control = Control(sim.base_url)
        about = control.about()
        assert about["charger_uuids"] == sim.charger_uuids
        assert about["smart_device_uuids"] == sim.smart_device_uuids
        (charger,) = sim.charger_uuids
        query = {"start_time": "2024-07-01T00:00:00Z", "end_time": "2024-07-01T01:00:00Z"}
        query |= {"measurands": [4], "meter_ids": [0]}
        rows = control.truth_of("ev-meter-data", charger, **query)
        assert rows == sim.truth_of("ev-meter-data", charger, **query) != []
        with pytest.raises(ControlError, match="given data was invalid"):
            control.truth_of("ev-meter-data", charger)
        with pytest.raises(ControlError, match="Unknown listing 'nonsense'"):
            control.truth_of("nonsense", charger)
        control.set_listing("charging-sessions", charger, [{"a": 1}])
        assert control.truth_of("charging-sessions", charger) == [{"a": 1}]
        control.take_offline(charger, clock - dt.timedelta(hours=2))
        (shown,) = control.truth_of("ev-charger", charger)
        assert shown["went_offline_at"] == "2024-07-04T10:00:00Z"
        control.bring_online(charger, clock - dt.timedelta(hours=1))
        assert control.truth_of("ev-charger", charger)[0]["online"] is True
        with pytest.raises(ControlError, match="no EV charger 'x'"):
            control.take_offline("x")


def test_wrong_orders_are_explained(control):
    with pytest.raises(ControlError, match="flood"):
        control.fail("x", fault="flood")
    with pytest.raises(ControlError, match="no inverter 'XX'"):
        control.truth("XX", "2024-06-01")
    with pytest.raises(ControlError, match="rate_limit"):
        control.configure(rate_limit=3)
    with pytest.raises(ControlError, match="No simulator responds"):
        Control("http://127.0.0.1:9").stats()


def test_warming_fills_the_cache_and_is_not_counted(sim, control, ask):
    assert control.warm("2024-06-01", "2024-06-02") == 6
    assert control.stats()["requests"] == 0
    answer = ask(sim, f"/inverter/{sim.serials[0]}/data-points/2024-06-01?pageSize=100000")
    assert answer.json()["data"] == sim.truth(sim.serials[0], "2024-06-01")


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("own_supply", [False, True])
def test_a_house_by_its_arguments(tmp_path, own_supply):
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "simulator", "--port-file", str(port_file), "--inverters", "1"]
    command += ["--ev-chargers", "1", "--cheap-hours", "23:30-05:30", "--empty-day-rate", "0"]
    command += ["--battery-fade", "0.1", "--pv-degradation", "0.05"]
    command += ["--ev-on-own-supply"] * own_supply
    config = SimulatorConfig(
        inverters=1, ev_chargers=1, cheap_hours="23:30-05:30", battery_fade_per_year=0.1,
        pv_degradation_per_year=0.05, empty_day_rate=0, ev_on_home_meter=not own_supply,
    )  # fmt: skip
    same = Simulator(config)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        control = Control(f"http://127.0.0.1:{port_file.read_text()}")
        for day in ("2024-06-01", "2024-06-02", "2024-06-03"):
            assert control.truth(same.serials[0], day) == same.truth(same.serials[0], day)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=TIMEOUT_S) == 0


@pytest.mark.processes
def test_by_itself_until_interrupted(tmp_path):
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "simulator", "--port-file", str(port_file), "--inverters", "1"]
    command += ["--token", "secret=api:account:read", "--clock", "2025-06-01T12:00:00Z"]
    command += ["--rate-limit", "7", "--faults", "5xx=0.0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        port = port_file.read_text()
        assert line == f"Simulator: http://127.0.0.1:{port}/v1 with token secret\n"
        headers = {"Authorization": "Bearer secret", "Accept": "application/json"}
        answer = requests.get(
            f"http://127.0.0.1:{port}/v1/account", headers=headers, timeout=TIMEOUT_S
        )
        assert answer.headers["X-RateLimit-Limit"] == "7"
        control = Control(f"http://127.0.0.1:{port}")
        last = control.truth("XA0000G000", "2025-06-01")
        assert all(row["time"] <= "2025-06-01T12:00:00Z" for row in last)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=TIMEOUT_S) == 0
        assert process.stdout.read() == ""
    assert not port_file.exists()


def test_a_port_that_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Port {port} of 127.0.0.1 is already in use;")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--faults", "flood=0.1"], "flood"),
        (["--faults", "reset"], "reset"),
        (["--inverters", "5000"], "5000"),
        (["--recordings", "nowhere"], "nowhere"),
        (["--clock", "2025-06-01T12:00"], "zone"),
        (["--token", "a@b"], "'b'"),
        (["--timezone", "Europe/Atlantis"], "Atlantis"),
        (["--port", "x"], "--port"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
        (["--account-type", "king"], "king"),
        (["--ev-chargers", "-1"], "-1"),
        (["--cheap-hours", "5"], "'5'"),
        (["--battery-fade", "2"], "fade per year is 2.0"),
        (["--pv-degradation", "nan"], "degradation per year is nan"),
        (["--refused", "events"], "'events' is no refusal; write events=422."),
        (["--refused", "presets=422,=403"], "'=403' is no refusal; write events=422."),
        (["--refused", "events=200"], "refusal is 200"),
    ],
)
def test_wrong_usage_is_2_and_says_what(arguments, text, capsys):
    assert main(arguments) == 2
    assert text in capsys.readouterr().err


@pytest.mark.processes
def test_importing_takes_nothing_of_the_client():
    code = (
        "import sys, simulator, simulator.command_line, simulator.control;"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('givenergy', 'warehouse', 'assets', 'pipelines', 'requests', 'dagster')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_starting_is_quick():
    started = time.process_time()
    with Simulator(SimulatorConfig(inverters=2000)):
        assert time.process_time() - started < 5
