"""`givlake serve` as a process: how it begins, what it says, and how it ends."""

import signal
import socket
import subprocess
import time
from datetime import timedelta

import pytest
import requests

from tests.support.owner import Owner, command, finished
from tests.support.ports import free_port
from tests.support.served_api import TOKEN, ApiClient
from tests.support.timeouts import TIMEOUT_S
from tests.support.two_accounts import NORTH, SOUTH, TOKENS


@pytest.fixture
def owner(simulate, own, yesterday):
    """Let an owner fetch one day of one inverter."""
    made = own(simulate(inverters=1), GIVLAKE_SERVE_TOKEN=TOKEN)
    done = made.givlake("backfill", "--start", yesterday, "--end", yesterday)
    assert done.status == 0, done.output
    return made


def served(owner, *arguments):
    """Start the command; return the process and a client of it."""
    port = free_port()
    process = subprocess.Popen(
        command(*arguments, "serve", "--port", port),
        cwd=owner.folder,
        env=owner.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    client = ApiClient(f"http://127.0.0.1:{port}/v1", TOKEN)
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            assert client.send("GET", "/communication-device").status_code == 200
            return process, client
        except requests.ConnectionError:
            assert process.poll() is None, finished(process).output
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(owner, yesterday, number):
    process, client = served(owner)
    serial = client.get("/communication-device")["data"][0]["inverter"]["serial"]
    assert client.get(f"/inverter/{serial}/data-points/{yesterday}")["meta"]["total"] > 0
    before = yesterday - timedelta(days=9)
    assert client.get(f"/inverter/{serial}/data-points/{before}")["data"] == []
    process.send_signal(number)
    done = finished(process)
    assert done.status == 0, done.output
    assert f"API: {client.base_url} (data in {owner.data}). Press Ctrl-C to stop." in done.out
    assert f"not in the archive: inverter_data_points {serial} {before}" in done.err
    assert "Asked for and not in the archive: 1 time." in done.out
    assert TOKEN not in done.output
    assert "Traceback" not in done.output
    assert "network" not in done.output


@pytest.fixture
def sim(simulate):
    """Simulate two accounts."""
    return simulate(inverters=1, tokens=TOKENS)


@pytest.mark.processes
@pytest.mark.slow
def test_an_account_is_served_by_name(two, yesterday):
    for name in (NORTH, SOUTH):
        day = ("--start", yesterday, "--end", yesterday)
        assert two.of(name, "backfill", *day).status == 0
    two.settings["GIVLAKE_SERVE_TOKEN"] = TOKEN
    serials = []
    for name in (NORTH, SOUTH):
        process, client = served(two, "--account", name)
        devices = client.get("/communication-device")["data"]
        serials.append({device["inverter"]["serial"] for device in devices})
        process.send_signal(signal.SIGTERM)
        assert finished(process).status == 0
    assert serials[0].isdisjoint(serials[1])


def test_a_token_is_needed(tmp_path):
    for token, said in (
        ("", "GIVLAKE_SERVE_TOKEN is not set: make a token of its own with python3 -c"),
        ("short", "GIVLAKE_SERVE_TOKEN: use at least 20 letters and digits."),
        (" " * 30 + "\u00e9", "GIVLAKE_SERVE_TOKEN: use at least 20 letters and digits."),
    ):
        owner = Owner(tmp_path, {"GIVLAKE_SERVE_TOKEN": token}, token=None)
        done = owner.givlake("serve")
        assert done.status == 2
        assert said in done.err
        assert "short" not in done.output


def test_a_folder_without_an_archive_is_named(tmp_path):
    owner = Owner(tmp_path, {"GIVLAKE_SERVE_TOKEN": TOKEN}, token=None)
    done = owner.givlake("serve")
    assert done.status == 2
    assert f"There is no archive in {owner.data}: fetch one with givlake backfill" in done.err
    assert not owner.data.exists()


def test_a_port_in_use_is_named(owner):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = owner.givlake("serve", "--port", port)
    assert done.status == 2
    assert str(port) in done.err
    assert "Traceback" not in done.output


@pytest.mark.processes
@pytest.mark.slow
def test_whoever_opens_it_to_the_network_is_warned(owner):
    process = owner.start("serve", "--port", free_port(), "--host", "0.0.0.0")
    time.sleep(0.1)
    end = time.monotonic() + TIMEOUT_S
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("API: http://127.0.0.1:"), line
    assert time.monotonic() < end
    process.send_signal(signal.SIGTERM)
    done = finished(process)
    assert done.status == 0
    assert "there is no encryption" in done.err
