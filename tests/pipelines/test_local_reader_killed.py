"""kill -9 of the local reader: each poll that was durable is one row, and none is torn."""

import json
import random
import signal
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from pipelines.local_reader.poll_journal import Poll, PollJournal
from pipelines.local_reader.reader_lock import without_reader
from tests.support.killed import STEPS
from tests.support.local_polls import rows_of, utc
from tests.support.made_house import MadeHouse
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S
from warehouse.lake import Lake

START = utc("2025-06-01T22:50:00")  # ten minutes before local midnight
WORKER = "tests.support.local_worker"
HOUSE = MadeHouse()
KINDS = [
    ("poll durable", 20),
    ("polls archived", 3),
    ("segment written", 2),
    ("segment published", 2),
    ("polls removed", 3),
    ("journal written", 2),
    ("table built", 2),
    ("coverage decided", 2),
]


def work(data, start, minutes, *, before=()):
    """Run a reader to its end, or to its kill; return its exit status and the durable times."""
    command = [sys.executable, "-m", *before, WORKER, data, start.isoformat(), minutes]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.split()


def check(data, durable):
    rows = rows_of(data)
    assert [f"{row['time']:%Y-%m-%dT%H:%M:%SZ}" for row in rows] == sorted(set(durable))
    for row in rows:
        power, today = HOUSE.powers(row["time"]), HOUSE.today(row["time"])
        assert row["consumption_power_w"] == power.load
        assert 0 <= today["import"] - row["today_grid_import_kwh"] + 1e-6 < 0.1 + 1e-5
        assert row["local_date"] == HOUSE.day_of(row["time"]) == row["request_date"]


@pytest.mark.processes
@pytest.mark.slow_but_first
@pytest.mark.parametrize(("step", "skip"), KINDS)
def test_a_kill_at_a_step_loses_and_doubles_nothing(tmp_path, step, skip):
    assert step in STEPS
    data = tmp_path / "data"
    status, durable = work(data, START, 20, before=("tests.support.killed", step, skip))
    assert status == -signal.SIGKILL
    assert durable
    last = datetime.fromisoformat(durable[-1])
    status, later = work(data, last + timedelta(seconds=10), 2)
    assert status == 0
    check(data, durable + later)


@pytest.mark.processes
@pytest.mark.slow
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path):
    chance = random.Random(5)
    data, at, durable = tmp_path / "data", START, []
    for _ in range(12):
        command = [sys.executable, "-m", WORKER, str(data), at.isoformat(), "600"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(chance.randrange(1, 60)):
                durable.append(process.stdout.readline().strip())
            process.kill()
            durable += process.stdout.read().splitlines()
        if not durable[-1].endswith("Z"):
            durable.pop()  # the kill cut off what it said
        at = datetime.fromisoformat(durable[-1]) + timedelta(seconds=20)
    status, later = work(data, at, 1)
    assert status == 0
    durable += later
    # A poll can be durable without having said so.
    said = set(durable)
    found = {f"{row['time']:%Y-%m-%dT%H:%M:%SZ}" for row in rows_of(data)}
    assert said <= found
    assert len(found - said) <= 12
    check(data, found)


def poll_at(at):
    return Poll("ZZ1111A001", at, False, {"time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, {})


def test_a_line_that_was_cut_off_is_dropped(tmp_path, caplog):
    polls = [poll_at(START + timedelta(seconds=10 * number)) for number in range(3)]
    with closing(PollJournal(tmp_path)) as journal:
        for poll in polls:
            journal.append(poll)
    path = PollJournal.path_in(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    whole = path.read_bytes()
    for cut in (1, 5, 80):
        path.write_bytes(whole[:-cut])
        with closing(PollJournal(tmp_path)) as journal:
            assert journal.polls() == polls[:2]
            journal.append(polls[2])
            assert journal.polls() == polls
        assert path.read_bytes() == whole
    assert caplog.text.count("was cut off and is dropped") == 3


def test_a_damaged_line_is_kept_aside_and_named(tmp_path, caplog):
    polls = [poll_at(START + timedelta(seconds=10 * number)) for number in range(3)]
    with closing(PollJournal(tmp_path)) as journal:
        for poll in polls:
            journal.append(poll)
    path = PollJournal.path_in(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0\n" + lines[2])
    with closing(PollJournal(tmp_path)) as journal:
        assert journal.polls() == [polls[0], polls[2]]
    assert f"Damaged lines of {path}, now kept in " in caplog.text
    assert path.with_suffix(".damaged").read_bytes() == b"\0\0\0\n"


@pytest.mark.processes
def test_a_full_disk_loses_nothing_durable_and_reading_goes_on(tmp_path):
    """Files are limited to 4 kB for a while, as a full disk would refuse to let them grow."""
    program = f"""
import resource
from datetime import timedelta
from tests.pipelines.test_local_reader_killed import START, poll_at
from pathlib import Path
from pipelines.local_reader.poll_journal import PollJournal
from warehouse.errors import StoreError
import json, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = PollJournal(Path({str(tmp_path)!r}))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
said = []
for number in range(60):
    try:
        journal.append(poll_at(START + timedelta(seconds=10 * number)))
    except StoreError as error:
        said.append(str(error))
durable = len(journal.polls())
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.append(poll_at(START + timedelta(seconds=600)))
print(json.dumps([said[0], len(said), durable, len(journal.polls())]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    said, failed, durable, at_last = json.loads(done.stdout)
    assert "the largest allowed file size is reached" in said
    assert "no stored data is lost" in said
    assert durable == 60 - failed > 10
    assert at_last == 61


@pytest.mark.processes
def test_polls_that_the_archive_could_not_take_are_archived_once_later(tmp_path):
    program = f"""
import json, resource, signal
from datetime import timedelta
from pathlib import Path
from pipelines.local_reader.poll_archive import PollArchive
from pipelines.local_reader.poll_journal import PollJournal
from tests.pipelines.test_local_reader_killed import START, poll_at
from tests.support.settings import settings_of
from warehouse.errors import StoreError
from warehouse.lake import Lake

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
data = Path({str(tmp_path / "data")!r})
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
said = []
with Lake(data) as lake:
    journal = PollJournal(data)
    archive = PollArchive(lake, settings_of({{"GIVLAKE_DATA": str(data)}}), journal)
    for number in range(4):
        journal.append(poll_at(START + timedelta(seconds=10 * number)))
        if number < 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
            try:
                archive.store()
            except StoreError as error:
                said.append(str(error))
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    stored = archive.store()
    rows = [each.rows for batch in lake.archive.read("inverter_data_points") for each in
            batch.responses]
print(json.dumps([said, stored, rows, journal.polls()]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    said, stored, rows, left = json.loads(done.stdout)
    assert len(said) == 2
    assert "no stored data is lost" in said[0]
    assert (stored, rows, left) == (4, [1, 1, 2], [])


def test_what_a_reader_left_is_archived_by_whoever_needs_all(tmp_path):
    data = tmp_path / "data"
    chosen = settings_of({"GIVLAKE_DATA": str(data)})
    with Lake(data) as lake:
        with closing(PollJournal(data)) as journal:
            journal.append(poll_at(START))
        with without_reader(lake, chosen):
            (batch,) = lake.archive.read("inverter_data_points")
            assert [each.request_date for each in batch.responses] == [START.date()]
        assert PollJournal.path_in(data).read_bytes() == b""
