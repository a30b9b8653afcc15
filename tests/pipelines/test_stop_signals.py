"""Ctrl-C and SIGTERM in every phase of a command: acknowledged, 130, no traceback, nothing lost."""

import re
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import click
import pytest

from pipelines.cli.command_group import LazyGroup
from pipelines.stop_signals import acknowledged
from tests.support.owner import finished, handlers_kept
from tests.support.timeouts import TIMEOUT_S

pytestmark = [pytest.mark.processes, pytest.mark.slow]

ALL = "inverter_data_points,inverter_events,energy_flow_aggregates"
NAMED = ("backfill", "--start", date(2025, 5, 30), "--end", date(2025, 6, 8))
SLOW = {"latency_s": 1.0}
# A response can arrive at the moment of the signal.
IN_FLIGHT = r"Stopping(; finishing \d+ requests? in flight)?…"


def wait_until(process, what):
    end = time.monotonic() + TIMEOUT_S
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def acknowledgement(process) -> str:
    """Read standard error up to the line that answers a signal; return that line."""
    before = ""  # lines of progress
    while not (line := process.stderr.readline().decode()).startswith("Stopping"):
        before += line
        assert line, (before, process.communicate())
    return line


def stopped(process, number) -> tuple[list[str], int]:
    """Send a signal; return the lines on standard error from then on, and the exit status."""
    sent = time.monotonic()
    process.send_signal(number)
    first = acknowledgement(process)
    heard_s = time.monotonic() - sent
    # What the first line was read with is in the buffer of the pipe.
    rest = process.stderr.read().decode()
    done = finished(process)
    # For who measures it, with `pytest -s`.
    print(f"acknowledged after {heard_s:.2f} s, ended after {time.monotonic() - sent:.2f} s")
    lines = [first.rstrip(), *rest.splitlines()]
    assert "Traceback" not in done.out
    return lines, done.status


def requests(sim, path: str, *, complete: bool) -> int:
    return sum(bool(re.search(path, r.path)) and r.complete == complete for r in sim.requests)


# What the command waits for when it is stopped, how the API is meanwhile, and what is said first.
PHASES = {
    "account": (r"/account$", signal.SIGINT),
    "device lists": (r"/communication-device", signal.SIGTERM),
    "history": (r"/energy-flows", signal.SIGINT),
    "snapshots": (r"/events", signal.SIGTERM),
    "days": (r"/data-points/", signal.SIGINT),
}


@pytest.mark.parametrize("phase", PHASES)
def test_while_responses_are_waited_for(simulate, own, phase):
    """While snapshots were fetched there was a traceback of 50 lines, and the status was 1."""
    path, number = PHASES[phase]
    sim = simulate(inverters=1, **SLOW)
    owner = own(sim, GIVLAKE_DATASETS=ALL)
    process = owner.start(*(("backfill",) if phase == "history" else NAMED))
    wait_until(process, lambda: requests(sim, path, complete=False))
    lines, status = stopped(process, number)
    assert re.fullmatch(IN_FLIGHT, lines[0])
    assert lines[-1] == "Interrupted. Run the same command to resume."
    assert not any("Traceback" in line for line in lines)
    assert status == 130
    # Those in flight are completed, but the request for the account, which nothing has to store.
    assert requests(sim, path, complete=True) or phase == "account"


def test_while_the_request_budget_is_waited_for(simulate, own):
    sim = simulate(inverters=1, rate_limit=5)
    owner = own(sim)
    process = owner.start(*NAMED)
    wait_until(process, lambda: requests(sim, "/data-points/", complete=True) >= 2)
    time.sleep(1.0)  # all threads wait by then; if not, the lines are the same
    lines, status = stopped(process, signal.SIGTERM)
    assert lines[-1] == "Interrupted. Run the same command to resume."
    assert status == 130


def test_while_the_api_is_down(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim, GIVLAKE_RETRY_S="75")
    assert owner.givlake("backfill", "--start", "2025-06-08", "--end", "2025-06-08").status == 0
    sim.fail("/data-points/", status=503)
    process = owner.start(*NAMED)
    wait_until(process, lambda: requests(sim, "/data-points/", complete=True) >= 9)
    lines, status = stopped(process, signal.SIGINT)
    assert lines[-1] == "Interrupted. Run the same command to resume."
    assert status == 130


def test_while_the_command_itself_is_loaded(simulate, own):
    owner = own(simulate(inverters=1))
    process = owner.start("backfill")
    # The thread that reads the signals is the second one.
    wait_until(process, lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1)
    lines, status = stopped(process, signal.SIGTERM)
    assert lines == ["Stopping…", "Interrupted. Run the same command to resume."]
    assert status == 130


def test_a_second_signal_waits_for_nothing(simulate, own):
    sim = simulate(inverters=1, latency_s=60.0)
    owner = own(sim)
    process = owner.start(*NAMED)
    wait_until(process, lambda: requests(sim, "/account", complete=False))
    process.send_signal(signal.SIGINT)
    assert acknowledgement(process).startswith("Stopping")
    process.send_signal(signal.SIGINT)
    done = finished(process)
    assert done.status == 130
    assert "Traceback" not in done.err


def test_nothing_is_printed_before_the_acknowledgement(capfd):
    """Click answers an interruption with an empty line, which could come first."""

    class Interrupted(LazyGroup):
        def get_command(self, context, name):
            def wait():
                raise KeyboardInterrupt

            return click.Command(name, callback=wait)

    with pytest.raises(click.Abort):
        Interrupted("givlake").main(["wait"], standalone_mode=False)
    assert capfd.readouterr().err == ""


def test_a_signal_while_the_thread_that_reads_it_starts(monkeypatch, capfd):
    """It ended in a traceback of `Thread.join` at times, on a machine with much to do."""
    start = threading.Thread.start

    def stop_and_start(thread):
        signal.raise_signal(signal.SIGTERM)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", stop_and_start)
    with handlers_kept(), pytest.raises(KeyboardInterrupt, match="SIGTERM"), acknowledged():
        pytest.fail("the signal was lost")
    assert capfd.readouterr().err == "Stopping…\n"
    assert signal.getsignal(signal.SIGTERM) is not None
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


ENDING = """
import sys, threading, time
from pipelines.stop_signals import acknowledged
threading.Thread(target=time.sleep, args=(300,)).start()
try:
    with acknowledged():
        print("begun", flush=True)
        time.sleep(300)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
"""


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_command_that_waits_for_its_threads(second):
    """It came after the handlers were restored, and ended in a traceback."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDING], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"interrupted\n"
        process.send_signal(second)
        assert process.wait(TIMEOUT_S) == 130
        assert process.stderr.read().decode() == "Stopping…\n"
