"""Ctrl-C and SIGTERM in every phase of a command: acknowledged, 130, no traceback, nothing lost."""

import re
import signal
import threading
import time
from datetime import date

import pytest

from tests.support.owner import finished
from tests.support.timeouts import TIMEOUT_S

pytestmark = [pytest.mark.processes, pytest.mark.slow]

START, END = date(2025, 5, 20), date(2025, 6, 8)
ALL = ",".join(
    ("inverter_data_points", "inverter_events", "energy_flows", "energy_flow_aggregates", "sites")
)
FETCH = ("backfill", "--start", START, "--end", END)
# What a command is doing when it is stopped -> the request that it then waits for.
PHASES = {
    "account": r"/account$",
    "device lists": r"/communication-device",
    "snapshots": r"/events",
    "days": r"/data-points/",
}
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def wait_until(process, what):
    end = time.monotonic() + TIMEOUT_S
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def stop(process, number):
    """Send a signal; return the command's result and the seconds to the first line and the end."""
    sent = time.monotonic()
    process.send_signal(number)
    first = process.stderr.readline()
    heard_s = time.monotonic() - sent
    rest = finished(process)
    print(f"{heard_s:.2f} s, {time.monotonic() - sent:.2f} s: {first.decode()}{rest.err}")
    return first.decode() + rest.err, rest


def in_flight(sim, path: str) -> int:
    return sum(bool(re.search(path, r.path)) and not r.complete for r in sim.requests)


@pytest.mark.parametrize("number", SIGNALS, ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_while_the_api_is_waited_for(simulate, own, phase, number):
    sim = simulate(latency_s=1.0)
    owner = own(sim, GIVLAKE_DATASETS=ALL)
    process = owner.start(*FETCH)
    wait_until(process, lambda: in_flight(sim, PHASES[phase]))
    said, done = stop(process, number)
    assert re.match(r"Stopping; finishing \d+ requests? in flight…\n", said), said
    assert said.endswith("Interrupted. Run the same command to resume.\n")
    assert "Traceback" not in said + done.out
    assert done.status == 130
    fetched = {r.path for r in sim.requests if "data-points" in r.path and r.complete}
    sim.configure(latency_s=0.0)
    sim.clear_requests()
    assert owner.givlake(*FETCH).status == 0
    again = {r.path for r in sim.requests if "data-points" in r.path}
    assert not fetched & again
    assert len(fetched | again) == 60
