"""`givlake ui`: the processes that it starts end with it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.timeouts import TIMEOUT_S


def running_with(port: int) -> list[str]:
    """Name the processes whose command line has a port."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if str(port) in words:
            found.append(" ".join(words))
    return found


@pytest.mark.usefixtures("machine_clock")
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
@pytest.mark.processes
@pytest.mark.slow
def test_a_service_manager_that_ends_the_ui_leaves_no_dagster_behind(simulate, own):
    """On SIGTERM the command ended alone; Dagster went on, its schedules included."""
    owner = own(simulate(inverters=1))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = owner.start("ui", "--port", port)
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith(f"Dagster: http://127.0.0.1:{port}"), line
    while not any("dagster" in words and "dev" in words for words in running_with(port)):
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert running_with(port) == []
