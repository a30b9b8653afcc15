"""The clock of the tests: in this process, in those it starts, and in DuckDB."""

import multiprocessing
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from tests.support import clock
from tests.support.processes.moved_clock import machine_time
from tests.support.timeouts import TIMEOUT_S

MOMENT = "2024-02-29T23:30+00:00"
DAY = date(2024, 2, 29)
TOLD = """
import datetime as dt, time, duckdb
with duckdb.connect() as connection:
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    days = connection.execute("SELECT current_date, today(), current_timestamp::DATE").fetchone()
print(dt.date.today(), dt.datetime.now(dt.UTC).date(), time.strftime("%Y-%m-%d"), *days)
"""


@pytest.fixture(autouse=True)
def leap_day(moment):
    with clock.at(MOMENT):
        yield


def now_of_spawned(queue) -> None:
    queue.put(datetime.now(UTC))


@pytest.mark.processes
def test_processes_that_a_test_starts_have_its_clock():
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True)
    # Half past eight in the morning of the next day in Tokyo.
    assert done.stdout.split() == [f"{DAY}"] * 3 + [f"{DAY + timedelta(days=1)}"] * 3
    assert done.stderr == ""


@pytest.mark.processes
def test_processes_of_multiprocessing_have_it_too():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=now_of_spawned, args=(queue,))
    before = datetime.now(UTC)
    process.start()
    told = queue.get(timeout=TIMEOUT_S)
    process.join()
    assert before <= told <= datetime.now(UTC)
    assert before.date() == DAY


def test_it_ticks_and_duckdb_goes_by_it(tmp_path):
    path = str(tmp_path / "x.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE VIEW v AS SELECT now() AS at, current_date AS day")
    before = datetime.now(UTC)
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        at, day = connection.execute("FROM v").fetchone()
        assert connection.execute("SHOW TABLES").fetchall() == [("v",)]
    assert timedelta(0) <= at - before < timedelta(minutes=10)
    assert day == DAY
    assert datetime.now(UTC) > before


@pytest.mark.processes
def test_a_process_in_which_it_cannot_be_started_ends():
    environment = {**os.environ, clock.SHIFT: "yesterday"}
    command = [sys.executable, "-c", "print('went on')"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (70, "")
    assert "The tests' clock cannot be started" in done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{datetime.fromtimestamp(machine_time() + 3600, UTC).isoformat()}", "is in the future"),
        ("2026-01-01T00:05", "has no zone"),
        ("2024-02-29T12:00+00:00", "tests assume that earlier days are over"),
    ],
    ids=["ahead", "without zone", "too early"],
)
def test_moments_at_which_the_tests_cannot_run(text, why):
    with pytest.raises(ValueError, match=why):
        clock.moment_of(text)


def test_a_moment_is_the_same_whatever_its_zone():
    assert clock.moment_of("2026-05-01T00:05+01:00") == clock.moment_of("2026-04-30T23:05+00:00")
