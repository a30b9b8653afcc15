"""Run `givlake dashboard` for a test."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.owner import command
from tests.support.ports import free_port
from tests.support.timeouts import TIMEOUT_S


@dataclass(frozen=True)
class DashboardProcess:
    """A running `givlake dashboard`.

    Attributes:
        process: The process.
        address: Its address, without a slash at the end.
    """

    process: subprocess.Popen[bytes]
    address: str

    def get(self, path: str) -> bytes:
        """Return the body of a response with status 200."""
        with urllib.request.urlopen(self.address + path, timeout=TIMEOUT_S) as sent:
            return bytes(sent.read())

    def json(self, path: str) -> Any:
        """Return what a response holds as JSON."""
        return json.loads(self.get(path))

    def stop(self) -> None:
        """End the process as Ctrl-C does; it must end without an error."""
        self.process.send_signal(signal.SIGINT)
        try:
            assert self.process.wait(TIMEOUT_S) == 0
        finally:
            self.process.kill()


@contextlib.contextmanager
def dashboard(
    folder: Path, environment: Mapping[str, str], *arguments: object, port: int | None = None
) -> Iterator[DashboardProcess]:
    """Run the dashboard until it is stopped; what it prints is in `dashboard.log` in the folder.

    Args:
        folder: The working folder.
        environment: The environment, with the settings.
        arguments: More arguments of the command.
        port: The port; by default a free one.
    """
    port = port or free_port()
    log = folder / "dashboard.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("dashboard", "--port", port, *arguments),
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = DashboardProcess(process, f"http://127.0.0.1:{port}")
    try:
        _wait(server, log)
        yield server
        if process.poll() is None:
            server.stop()
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()


def _wait(server: DashboardProcess, log: Path) -> None:
    """Wait until the page is served."""
    end = time.monotonic() + TIMEOUT_S
    while True:
        try:
            server.get("/")
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert server.process.poll() is None, log.read_text()[-5000:]
            assert time.monotonic() < end, log.read_text()[-5000:]
            time.sleep(0.05)
