"""The drills of docs/fleet.md: a folder is copied while it is written, and goes on elsewhere."""

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from tests.support.import_graph import REPOSITORY
from tests.support.owner import Owner, finished
from tests.support.simulator_truth import (
    assert_same,
    days_between,
    days_requested,
    expected_rows,
)
from tests.support.timeouts import TIMEOUT_S
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

DAYS = days_between(date(2025, 3, 1), date(2025, 5, 31))
FETCH = ("backfill", "--start", DAYS[0], "--end", DAYS[-1])
NEEDS_RSYNC = pytest.mark.skipif(shutil.which("rsync") is None, reason="needs rsync")


@pytest.mark.processes
@pytest.mark.slow
@NEEDS_RSYNC
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


@pytest.mark.processes
@pytest.mark.slow
@NEEDS_RSYNC
def test_the_listing_of_the_drill_leaves_the_original_alone(simulate, tmp_path):
    sim = simulate(inverters=1, commissioned=DAYS[-2], tokens=TOKENS)
    operator = TwoAccounts(tmp_path, sim)
    for account in (NORTH, SOUTH):
        done = operator.of(account, "backfill", "--start", DAYS[-2], "--end", DAYS[-1])
        assert done.status == 0, done.output
    # It is written down that this account is in the original folder.
    with (operator.accounts / f"{NORTH}.env").open("a") as file:
        file.write(f"GIVLAKE_DATA = '{operator.accounts / NORTH}'\n")
    backup, drill = tmp_path / "backup", tmp_path / "drill"
    shutil.copytree(operator.accounts, backup / "accounts")
    before = {path: path.stat().st_mtime_ns for path in operator.accounts.rglob("*")}
    sim.clear_requests()

    guide = (REPOSITORY / "docs" / "fleet.md").read_text()
    (listing,) = re.findall(r"^(install \S+ \S+ \S+ ~/drill [^`]+?)^createdb", guide, re.MULTILINE)
    places = {"/mnt/backup/givlake": str(backup), "~/drill": str(drill), "sudo ": ""}
    for written, here in places.items():
        listing = listing.replace(written, here)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", listing],
        env={**operator.environment, "GIVLAKE_ACCOUNTS": str(operator.accounts), "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # Status ends with 1: the days since then are missing.
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    assert f"All tables in {drill / 'accounts' / NORTH} match the archive." in done.stdout
    assert {path: path.stat().st_mtime_ns for path in operator.accounts.rglob("*")} == before
    assert sim.requests == []
    assert TOKENS[0].token not in (drill / "accounts" / f"{NORTH}.env").read_text()
