"""Public programs that read the API, against the served one: only the address is changed.

Of programs that are in no package registry these are the requests that their sources show, written
down by method, path and query.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from simulator import Simulator
from tests.support.every_device import every_device, standing_now
from tests.support.owner import Owner
from tests.support.served_api import TOKEN, ApiClient, served_api
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S

pytestmark = pytest.mark.slow

# A Python that has givenergy-api-client, which needs a newer one than givlake.
CLIENT_PYTHON = "GIVENERGY_API_CLIENT_PYTHON"
SCRIPT = Path(__file__).parents[1] / "support" / "processes" / "api_client_calls.py"


@pytest.fixture(scope="module")
def now():
    return standing_now()


@pytest.fixture(scope="module")
def sim(now):
    """Simulate an account with a device of every kind, and readings every minute."""
    config = every_device(now, 2, clock=now)
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Let an owner fetch everything who keeps the personal values that clients insist on."""
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "",
        "GIVLAKE_READ_SETTINGS": "daily",
        "GIVLAKE_READ_SETTING_NAMES": "17",
        "GIVLAKE_KEEP_PERSONAL": (
            "account:*,sites:*,ev_chargers:*,ev_charging_sessions:*,smart_devices:data[].alias"
        ),
    }
    made = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
    done = made.givlake("backfill")
    assert done.status == 0, done.output
    return made


@pytest.fixture(scope="module")
def api(owner):
    with served_api(settings_of({"GIVLAKE_DATA": str(owner.data)})) as served:
        yield served


@pytest.fixture(scope="module")
def cloud(sim):
    return ApiClient(sim.base_url, sim.token)


def requests_of_predbat(sim, now):
    """Yield the requests of `gecloud.py`; serial numbers are in small letters."""
    start, minutes_ago = now - timedelta(hours=24), now - timedelta(minutes=70)
    yield "GET", "/communication-device", None
    for serial in map(str.lower, sim.serials):
        yield "GET", f"/inverter/{serial}/system-data/latest", None
        yield "GET", f"/inverter/{serial}/meter-data/latest", None
        yield "GET", f"/inverter/{serial}/settings", None
        for age in (2, 1, 0):
            day = f"{now - timedelta(days=age):%Y-%m-%d}"
            yield "GET", f"/inverter/{serial}/data-points/{day}?pageSize=4096", None
    yield "GET", "/smart-device", None
    for uuid in sim.smart_device_uuids:
        yield "GET", f"/smart-device/{uuid}/data", None
    yield "GET", "/ev-charger", None
    for uuid in sim.charger_uuids:
        span = "start_time={:%Y-%m-%dT%H:%M:%SZ}&end_time={:%Y-%m-%dT%H:%M:%SZ}"
        measurands = "&".join(f"measurands[]={number}" for number in range(22))
        path = f"/ev-charger/{uuid}"
        yield "GET", path, None
        yield "GET", f"{path}/commands", None
        yield "GET", f"{path}/commands/change-mode", None
        yield "GET", f"{path}/commands/set-plug-and-go", None
        meters = f"{span.format(minutes_ago, now)}&meter_ids[]=0"
        yield "GET", f"{path}/meter-data?{meters}&{measurands}", None
        yield "GET", f"{path}/charging-sessions?{span.format(start, now)}&pageSize=32", None


def requests_of_scripts(sim, now):
    """Yield the requests of divenal/givenergy-scripts and others: latest data, and settings."""
    for serial in sim.serials:
        yield "GET", f"/inverter/{serial}/system-data/latest", None
        yield "GET", f"/inverter/{serial}/settings", None
        yield "POST", f"/inverter/{serial}/settings/17/read", {"context": "offpeak.py"}
        yield "GET", f"/inverter/{serial}/presets", None


@pytest.mark.parametrize("client", [requests_of_predbat, requests_of_scripts])
def test_the_requests_of_a_program_are_answered_as_by_the_api(api, cloud, sim, now, client):
    sent = 0
    for method, path, body in client(sim, now):
        # The simulated API knows serial numbers as they are listed only.
        exact = path
        for serial in sim.serials:
            exact = exact.replace(serial.lower(), serial)
        answer = api.send(method, path, json=body)
        wanted = cloud.send(method, exact, json=body)
        assert answer.status_code == wanted.status_code == 200, (path, answer.text, wanted.text)
        assert without_secrets(answer.json()["data"]) == without_secrets(wanted.json()["data"]), (
            path
        )
        sent += 1
    assert sent >= 12


def without_secrets(data):
    """Leave out the key of smart devices, which no archive has."""
    rows = data if isinstance(data, list) else []
    for row in rows:
        if isinstance(row, dict) and "other_data" in row:
            row["other_data"].pop("local_key", None)
    return data


def test_predbat_reads_a_single_smart_device_as_an_object(api, sim):
    for uuid in sim.smart_device_uuids:
        assert api.get(f"/smart-device/{uuid}")["data"]["uuid"] == uuid


def client_python():
    """Return a Python that has the client; skip the test without one."""
    for python in (os.environ.get(CLIENT_PYTHON), sys.executable):
        if python:
            found = subprocess.run(
                [python, "-I", "-c", "import givenergy_api_client"],
                capture_output=True,
                check=False,
            )
            if found.returncode == 0:
                return python
    pytest.skip(f"needs givenergy-api-client: set {CLIENT_PYTHON} to a Python that has it")


@pytest.mark.processes
def test_givenergy_api_client_runs_unchanged_but_for_the_address(api, sim, now):
    """Each of its calls ends with the same values, or the same error of its own models."""
    python = client_python()
    devices = {
        "serials": sim.serials,
        "chargers": sim.charger_uuids,
        "ems": sim.ems_serials,
        "devices": [row["serial_number"] for row in api.get("/communication-device")["data"]],
        "start": f"{now - timedelta(days=2):%Y-%m-%dT00:00:00+00:00}",
        "end": f"{now - timedelta(days=1):%Y-%m-%dT00:00:00+00:00}",
    }
    outcomes = [
        calls(python, address, token, devices)
        for address, token in ((api.base_url, TOKEN), (sim.base_url, sim.token))
    ]
    served, wanted = outcomes
    assert list(served) == list(wanted)
    assert len(served) > 20
    for call, outcome in served.items():
        if call.startswith(("energy_flows", "meter_data")):
            # The simulated API refuses the client's times, which have an offset. They are answered
            # here; the client's models then ask for text where the API sends numbers.
            assert {each[-1] for each in outcome["invalid"]} <= {"string_type", "model_type"}
        else:
            assert outcome == wanted[call], call
    succeeded = {call.partition(" ")[0] for call, outcome in served.items() if "value" in outcome}
    assert succeeded >= {"account", "list_ev_chargers", "ev_charger", "commands", "sessions"}


def calls(python, address, token, devices):
    """Run the client's calls in a process of its own; return their outcomes by name."""
    done = subprocess.run(
        [python, "-I", str(SCRIPT)],
        input=json.dumps({"address": address, "token": token, **devices}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
