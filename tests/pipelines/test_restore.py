"""The drill of docs/fleet.md: a folder is copied while it is written, and goes on elsewhere."""

import shutil
import subprocess
import time
from datetime import date

import pytest

from tests.support.owner import Owner, finished
from tests.support.simulator_truth import (
    assert_same,
    days_between,
    days_requested,
    expected_rows,
)
from tests.support.timeouts import TIMEOUT_S

DAYS = days_between(date(2025, 3, 1), date(2025, 5, 31))
FETCH = ("backfill", "--start", DAYS[0], "--end", DAYS[-1])


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("rsync") is None, reason="needs rsync")
def test_a_copy_of_a_folder_in_use_is_whole_and_goes_on(simulate, own, tmp_path):
    sim = simulate(inverters=2, commissioned=DAYS[0], latency_s=0.02)
    owner = own(sim)
    running = owner.start(*FETCH)
    deadline = time.monotonic() + TIMEOUT_S
    while len(sim.requests) < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    copied = Owner(tmp_path / "elsewhere", owner.settings, token=None)
    copied.settings["GIVLAKE_DATA"] = str(copied.data)
    copied.folder.mkdir()
    copy = ["rsync", "-a", "--sparse", f"{owner.data}/", f"{copied.data}/"]
    done = subprocess.run(copy, capture_output=True, text=True, check=False)
    # 24: files vanished while they were copied.
    assert done.returncode in (0, 24), done.stderr
    assert finished(running).status == 0

    built = copied.process("build")
    assert built.status == 0, built.output
    verified = copied.process("verify")
    assert verified.status == 0, verified.output
    kept = copied.states()["complete"]
    sim.clear_requests()
    assert copied.process(*FETCH).status == 0
    assert_same(copied.rows(), expected_rows(sim, sim.serials, DAYS))
    # What the copy had is not requested again.
    assert kept + len(days_requested(sim)) == 2 * len(DAYS)
    assert copied.process("verify").status == 0
