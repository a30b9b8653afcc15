"""Killed anywhere, contended by anyone: nothing acknowledged is lost, nothing half is seen."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.stores_worker import WORK
from tests.support.table_content import content_of
from tests.support.timeouts import TIMEOUT_S
from tests.support.toy_decoder import DATASET, ToyDecoder
from warehouse.catalogue import publish
from warehouse.coverage import refresh_coverage
from warehouse.lake import Lake
from warehouse.tables.build import build, rebuild

pytestmark = pytest.mark.processes

WORKER = "tests.support.stores_worker"


def start(folder: Path, work: str, seed: int, seconds: float = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", WORKER, str(folder), work, str(seed), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(folder: Path, work: str, seed: int, after_s: float) -> set[int]:
    """Run a worker, kill it some time after its start; return what it had acknowledged."""
    with start(folder, work, seed) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        time.sleep(after_s)
        worker.kill()
        lines = worker.stdout.read().splitlines()
    return {int(line.split()[1]) for line in lines if line.startswith("ack ") and line.split()[1:]}


def assert_whole(folder: Path, acknowledged: set[int]) -> None:
    """Go on after a kill; then the stores equal what a rebuild in their place makes."""
    with Lake(folder) as lake:
        build(lake, ToyDecoder())
        refresh_coverage(lake, [])
        publish(lake, ToyDecoder().tables)
        archived = {
            response.response_id
            for batch in lake.archive.read(DATASET)
            for response in batch.responses
        }
        assert acknowledged <= archived
        before = content_of(folder)
        rebuild(lake, ToyDecoder())
        assert content_of(folder) == before
    assert list((folder / "tmp").iterdir()) == []
    assert list((folder / "staging").iterdir()) == []


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    "work",
    ["put", "flush", "catalogue", "compact", "rebuild"],
)
def test_a_kill_loses_nothing(folder: Path, work: str) -> None:
    chance = random.Random(work)
    Lake(folder).close()
    acknowledged: set[int] = set()
    for seed in range(2):
        acknowledged |= killed(folder, work, seed, chance.uniform(0.01, 0.4))
    assert_whole(folder, acknowledged)


@pytest.mark.slow
def test_builders_a_rebuilder_a_packer_and_a_reader_at_once(folder: Path) -> None:
    with Lake(folder) as lake:
        publish(lake, ToyDecoder().tables)
        refresh_coverage(lake, [])
        build(lake, ToyDecoder())
    works = ["put", "put", "rebuild", "compact", "read"]
    workers = [start(folder, work, seed, 3) for seed, work in enumerate(works)]
    said = [worker.communicate(timeout=TIMEOUT_S) for worker in workers]
    for worker, (out, err) in zip(workers, said, strict=True):
        assert worker.returncode == 0, out[-300:] + err[-3000:]
    assert said[-1][0].count("read ") >= 3
    assert set(works) <= set(WORK)
    acknowledged = {int(line[4:]) for out, _ in said for line in out.splitlines() if "ack" in line}
    assert_whole(folder, acknowledged)
