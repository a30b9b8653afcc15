"""Against the real today, by real processes at the machine's time: all else runs at fixed moments.

What is said here holds on any date and at any hour, also if midnight passes meanwhile.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import clock
from tests.support.owner import Owner, command
from tests.support.timeouts import TIMEOUT_S

pytestmark = pytest.mark.processes

TOKEN = "of-today"


@pytest.fixture
def machine_time() -> Iterator[None]:
    """Leave the clock that tests have."""
    with clock.at(None):
        yield


def local_today() -> date:
    return datetime.now(UTC).astimezone(clock.LONDON).date()


@pytest.fixture
def owner(machine_time: None, tmp_path: Path) -> Iterator[Owner]:
    """Give an owner of an account that a simulator in a process of its own serves."""
    port_file = tmp_path / "port"
    of_days = ("--commissioned", local_today() - timedelta(days=5), "--rows-per-day", 48)
    arguments = ("simulator", "--inverters", 2, "--seed", 7, "--empty-day-rate", 0, *of_days)
    with subprocess.Popen(
        [*command(*arguments), "--token", TOKEN, "--port-file", str(port_file)],
        stdout=subprocess.DEVNULL,
    ) as simulator:
        try:
            end = time.monotonic() + TIMEOUT_S
            while not port_file.exists() or not port_file.read_text():
                assert simulator.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            url = f"http://127.0.0.1:{port_file.read_text().strip()}/v1"
            yield Owner(tmp_path, {"GIVENERGY_API_URL": url}, token=TOKEN)
        finally:
            simulator.terminate()


def test_the_clock_is_the_machines_in_every_process(machine_time):
    program = (
        "import datetime as dt, duckdb, sys\n"
        "now, = duckdb.connect().execute('SELECT now()').fetchone()\n"
        "print(dt.datetime.now(dt.UTC).timestamp(), now.timestamp(), 'time_machine' in sys.modules)"
    )
    before = datetime.now(UTC).timestamp()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    python, in_duckdb, moved = done.stdout.split()
    assert moved == "False"
    assert before <= float(python) <= datetime.now(UTC).timestamp()
    assert before <= float(in_duckdb) <= datetime.now(UTC).timestamp()


@pytest.mark.slow
def test_a_backfill_of_some_days_a_sync_status_and_a_query_today(owner):
    first = local_today() - timedelta(days=3)
    done = owner.process("backfill", "--start", first)
    assert done.status == 0, done.output
    done = owner.process("sync")
    assert done.status == 0, done.output
    done = owner.process("status", "--format", "json")
    points = json.loads(done.out)[0]
    assert points["dataset"] == "inverter_data_points"
    states = points["days_by_state"]
    # Those that are long over, of two inverters; yesterday and today can still change.
    assert states["complete"] >= 2
    assert states["complete"] + states["provisional"] >= 8
    assert set(states) <= {"complete", "provisional", "not_requested"}
    query = "SELECT request_date AS day, count(*) AS rows FROM inverter_data_points GROUP BY 1"
    done = owner.process("query", query, "--format", "json")
    assert done.status == 0, done.output
    rows = {date.fromisoformat(row["day"]): row["rows"] for row in json.loads(done.out)}
    # Of today there may be no point yet.
    assert {first + timedelta(days=at) for at in range(3)} <= set(rows)
    assert all(rows[first + timedelta(days=at)] > 48 for at in range(3))
    assert max(rows) <= local_today()
