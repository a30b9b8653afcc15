"""`givlake ui`: Dagster's processes start without a warning, and end together."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.dagster_page import is_running, page
from tests.support.timeouts import TIMEOUT_S

CODE_SERVER, WEB_SERVER, DAEMON = "code-server start", "dagster_webserver", "dagster._daemon"

pytestmark = [
    pytest.mark.usefixtures("machine_clock"),
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc"),
    pytest.mark.processes,
    pytest.mark.slow,
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_ends_the_ui_leaves_no_dagster_behind(simulate, own, number):
    """On SIGTERM the command ended alone; Dagster went on, its schedules included."""
    owner = own(simulate(inverters=1))
    with page(owner.folder, owner.environment) as dagster:
        dagster.until(lambda: dagster.has_started(CODE_SERVER, WEB_SERVER, DAEMON))
        started = dagster.look()
        dagster.process.send_signal(number)
        assert dagster.process.wait(TIMEOUT_S) == 0
        assert [each.command for each in started if is_running(each)] == []
        assert "Stopping Dagster." in dagster.output_lines
    printed = "\n".join(dagster.output_lines) + (owner.folder / "err").read_text()
    assert "warning" not in printed.lower()


@pytest.mark.parametrize(
    ("program", "name"),
    [(CODE_SERVER, "code server"), (WEB_SERVER, "web server"), (DAEMON, "daemon")],
)
def test_if_one_of_dagsters_processes_dies_the_others_are_stopped(simulate, own, program, name):
    owner = own(simulate(inverters=1))
    with page(owner.folder, owner.environment) as dagster:
        dagster.until(lambda: dagster.has_started(CODE_SERVER, WEB_SERVER, DAEMON))
        started = dagster.look()
        (victim,) = (each for each in started if program in each.command)
        os.kill(victim.pid, signal.SIGKILL)
        assert dagster.process.wait(TIMEOUT_S) == 1
        assert [each.command for each in started if is_running(each)] == []
    # A process that is stopped while it loads its definitions can have printed something before.
    assert (
        (owner.folder / "err")
        .read_text()
        .replace("\n", " ")
        .strip()
        .endswith(
            f"givlake: Dagster's {name} ended by SIGKILL, so the others were stopped too: its last"
            " messages are above; start `givlake ui` again."
        )
    )
