"""Programs that run together: none outlives the others, or this process."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pipelines.stop_signals import is_urgent

_POLL_INTERVAL_S = 0.2
_EXIT_TIMEOUT_S = 10.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildProcesses:
    """Programs of which each has a process group of its own, with its child processes."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start a program in a folder.

        Args:
            name: What the program is, for messages.
            command: Its command line.
            folder: Its working folder.
            environment: Its environment; None is that of this process.
        """
        self._running[name] = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def wait(self, until: Callable[[], bool] = lambda: False) -> str | None:
        """Wait until a condition is true, this process is stopped, or a program ends.

        Returns:
            Which program ended, and how; None if none did.
        """
        while not until() and not self.stopped.wait(_POLL_INTERVAL_S):
            for name, process in self._running.items():
                if (status := process.poll()) is not None:
                    return f"{name} ended {_how(status)}"
        return None

    def end(self) -> None:
        """End all programs and their child processes.

        SIGTERM ends a program quietly that is still loading, where SIGINT leaves a traceback. A
        program can miss a signal or wait for another process, so stronger signals follow.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            running = [each for each in self._running.values() if each.poll() is None]
            for process in running:
                _signal_group(process.pid, number)
            end = time.monotonic() + _EXIT_TIMEOUT_S
            while any(each.poll() is None for each in running) and not is_urgent():
                if time.monotonic() > end:
                    break
                time.sleep(_POLL_INTERVAL_S)
        # Child processes that outlive their program.
        for process in self._running.values():
            for number in (signal.SIGTERM, signal.SIGKILL):
                if _signal_group(process.pid, number):
                    _wait_for_group(process.pid)


@contextlib.contextmanager
def child_processes() -> Iterator[ChildProcesses]:
    """Yield programs to start; end them on leaving, which SIGINT, SIGTERM and SIGHUP lead to."""
    children = ChildProcesses()
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda number, frame: children.stopped.set())
    try:
        yield children
    finally:
        children.end()


def _how(status: int) -> str:
    if status < 0:
        return f"by {signal.Signals(-status).name}"
    return f"with exit status {status}"


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to the processes of a group, or 0 to none; return whether there are any."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _wait_for_group(group: int) -> None:
    """Wait some seconds until the processes of a group have ended."""
    end = time.monotonic() + _EXIT_TIMEOUT_S
    while _signal_group(group, 0) and time.monotonic() < end:
        # Where this process is the first of a container, it inherits them.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-group, os.WNOHANG)
        time.sleep(0.1)
