"""Progress: requests made and expected, the time left, and what the line shows."""

import os
import pty
import re
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from assets.framework.ingestion.report import IngestionReport
from pipelines.cli.progress import ProgressReporter
from pipelines.cli.request_counts import RequestCounts
from pipelines.cli.time_left import TimeLeft
from tests.pipelines.test_time_estimate import budget


def report(dataset="inverter_data_points", *, by_day=True, **counts):
    """Return the report of a run with these counts of `total`, or of its own."""
    made = IngestionReport(dataset, by_day=by_day)
    for name, count in counts.items():
        setattr(made if hasattr(made, name) else made.total, name, count)
    return made


def test_requests_of_days_are_corrected_by_what_the_first_ones_took():
    counts = RequestCounts()
    counts.expect("ev_meter_readings", 1000, 1000)
    assert (counts.made, counts.expected) == (0, 1000)
    counts.observe(report("ev_meter_readings", sent=30, requests=30, done=10))
    assert (counts.made, counts.expected) == (30, 1680)
    # Those in flight belong to days that are not done.
    counts.observe(report("ev_meter_readings", sent=38, requests=30, done=10))
    assert (counts.made, counts.expected) == (38, 1680)
    counts.observe(report("ev_meter_readings", sent=1500, requests=1500, done=500))
    assert counts.expected == pytest.approx(2940, abs=30)
    counts.observe(report("ev_meter_readings", sent=3000, requests=3000, done=1000))
    assert counts.expected == 3000


def test_a_range_of_days_is_one_request():
    counts = RequestCounts()
    counts.expect("energy_flows", 24, 731)
    counts.observe(report("energy_flows", sent=1, requests=1, done=31))
    assert counts.expected == 24
    counts.observe(report("energy_flows", sent=24, requests=24, done=731))
    assert (counts.made, counts.expected) == (24, 24)


def test_runs_add_up_and_pages_that_are_announced_count():
    counts = RequestCounts()
    counts.expect("sites", 1)
    counts.expect("smart_device_readings", 1)
    counts.expect("inverter_data_points", 100, 100)
    counts.finish(report("sites", by_day=False, sent=1, expected=1, requests=1, done=1))
    assert (counts.made, counts.expected) == (1, 102)
    counts.observe(
        report("smart_device_readings", by_day=False, sent=3, expected=1, pages_announced=574)
    )
    assert (counts.made, counts.expected) == (4, 676)
    counts.finish(
        report("smart_device_readings", by_day=False, sent=575, expected=1, pages_announced=574)
    )
    counts.finish(report(sent=32, requests=32, done=32))
    assert (counts.made, counts.expected) == (608, 676)
    # Days that the answers have made necessary are planned anew.
    counts.expect("inverter_data_points", 70, 70)
    assert counts.expected == 678


def windows(requests: int, per_window: int, burst_s: float) -> Iterator[tuple[float, int]]:
    """Yield time and requests made, each second, of a client that the API limits."""
    second, made = 0, 0
    while made < requests:
        begun, into = divmod(second, 60)
        made = min(requests, begun * per_window + round(per_window * min(1, into / burst_s)))
        yield float(second), made
        second += 1


def test_the_time_left_does_not_jump_while_the_budget_makes_it_wait():
    total = 1500
    left = TimeLeft(0.0)
    steps = list(windows(total, 270, burst_s=10.0))
    ends = steps[-1][0]
    shown = [left.update(now, made, total, 300) for now, made in steps]
    for now, before, after in zip(range(1, len(shown) - 1), shown, shown[1:], strict=False):
        assert after - before < 2, now
        assert before - after < 8, now
    # Of 5.5 minutes, it is never off by more than one.
    assert all(abs(now + each - ends) < 60 for (now, _), each in zip(steps, shown, strict=True))


def test_the_time_left_follows_a_slow_machine():
    left = TimeLeft(0.0)
    shown = [left.update(float(now), now, 600, 300) for now in range(601)]
    assert shown[180] == pytest.approx(420, rel=0.25)
    assert shown[400] == pytest.approx(200, rel=0.15)
    assert shown[600] == 0


def test_the_time_left_is_at_least_the_wait_for_the_next_window():
    left = TimeLeft(0.0)
    assert left.update(0.0, 240, 320, 300, budget_s=50.0) == 50.0


class Clock:
    """A clock that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_line_every_ten_seconds_outside_a_terminal(capsys):
    clock = Clock()
    shown = ProgressReporter(clock)
    shown.expect("inverter_data_points", 600, 600)
    waiting = budget(used=300, resets_in_s=30.0)
    waiting.waiting.update(dict.fromkeys(waiting.waiting, 4))
    with shown:
        for second in range(41):
            clock.now_s = float(second)
            made = min(10 * second, 240)
            shown.progress(report(sent=made, requests=made, done=made, budget=waiting))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "100 of 600 requests",
        "200 of 600 requests",
        "240 of 600 requests",
        "240 of 600 requests",
    ]
    # Threads wait between any two responses; it is said when none arrives.
    assert [line.rpartition(": ")[2] for line in lines] == [
        "inverter_data_points",
        "inverter_data_points",
        "waiting for the request budget",
        "waiting for the request budget",
    ]


def test_an_api_that_fails_is_named(capsys):
    clock = Clock()
    shown = ProgressReporter(clock)
    shown.expect("inverter_data_points", 600, 600)
    with shown:
        for second in (0, 1, 11):
            clock.now_s = float(second)
            down = replace(budget(), host_down_for_s=300.0, next_probe_in_s=12.0)
            shown.progress(report(sent=5, requests=5, done=5, budget=down))
    assert "the API has failed for 5 min" in capsys.readouterr().err


@pytest.mark.processes
def test_a_terminal_of_80_columns_shows_one_line():
    """A pseudo-terminal gets a bar that fits."""
    program = (
        "from tests.pipelines.test_progress import report, ProgressReporter, budget\n"
        "shown = ProgressReporter()\n"
        "waiting = budget(used=300, resets_in_s=3000.0)\n"
        "waiting.waiting.update(dict.fromkeys(waiting.waiting, 4))\n"
        "shown.expect('inverter_setting_definitions', 12_345, 12_345)\n"
        "with shown:\n"
        "    for done in (1_234, 1_234, 1_235):\n"
        "        shown.progress(report(\n"
        "            'inverter_setting_definitions', sent=done, requests=done, done=done,\n"
        "            budget=waiting))\n"
    )
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm", COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-c", program])
    written = b""
    try:
        while chunk := os.read(terminal, 4096):
            written += chunk
    except OSError:
        pass  # The end of a pseudo-terminal on Linux.
    _, status = os.waitpid(child, 0)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    assert status == 0, text
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    assert all(len(line) <= 80 for line in lines)
    assert "1,235 of 12,345 requests, " in lines[-1]
    assert lines[-1].endswith(" left: waiting for the request budget")
