"""Run `givlake ui`, query its page over GraphQL, and observe its processes."""

import contextlib
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.owner import command
from tests.support.ports import free_port
from tests.support.timeouts import TIMEOUT_S

REPOSITORY = {
    "repositoryLocationName": "pipelines.definitions",
    "repositoryName": "__repository__",
}
_LAUNCH = """mutation($run: ExecutionParams!) {
    launchRun(executionParams: $run) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
    }
}"""
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Process:
    """A process of this machine and the environment it was started with."""

    pid: int
    command: str
    environment: Mapping[str, str]
    folder: str


class Page:
    """A running `givlake ui`."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
        self.process = process
        self.port = port
        self._folder = folder
        # Includes processes that have ended.
        self.seen: dict[int, Process] = {}

    @property
    def output_lines(self) -> list[str]:
        """Lines printed to standard output."""
        return (self._folder / "out").read_text().splitlines()

    def look(self) -> list[Process]:
        """Return its child processes, direct and indirect."""
        command = getattr(_process(self.process.pid), "command", None)
        # A child with the same command was forked, but has not executed its own program yet.
        found = [each for each in processes_below(self.process.pid) if each.command != command]
        self.seen.update({each.pid: each for each in found})
        return found

    def until(self, what: Callable[[], Any]) -> Any:
        """Wait until a function returns a true value, observing the processes; return the value."""
        end = time.monotonic() + TIMEOUT_S
        while not (found := what()):
            self.look()
            log = (self._folder / "err").read_text()
            assert self.process.poll() is None, log[-5000:]
            assert time.monotonic() < end, log[-5000:]
            time.sleep(0.3)
        return found

    def has_started(self, *names: str) -> bool:
        """Return whether each of the named programs is among its processes."""
        commands = [each.command for each in self.look()]
        return all(any(name in words for words in commands) for name in names)

    def graphql(self, query: str, **variables: object) -> dict[str, Any]:
        """Send a query to the page as soon as it responds; return the data."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )

        def send() -> dict[str, Any] | None:
            try:
                with urllib.request.urlopen(request, timeout=60) as sent:
                    found: dict[str, Any] = json.load(sent)
                    return found
            except urllib.error.HTTPError as error:
                if error.code == 400:
                    return {"errors": error.read().decode()}
            except OSError:
                pass
            return None

        response = self.until(send)
        assert "errors" not in response, response
        data: dict[str, Any] = response["data"]
        return data

    def launch(
        self,
        job: str,
        assets: Sequence[object] = (),
        tags: Mapping[str, str] | None = None,
        location: str = REPOSITORY["repositoryLocationName"],
    ) -> str:
        """Launch a run of a job, of all its assets or of some; return the run's ID.

        Args:
            job: The name of the job.
            assets: Asset keys as GraphQL takes them.
            tags: The run's tags.
            location: The code location that has the job.
        """
        pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        run = {
            "selector": {
                **REPOSITORY,
                "repositoryLocationName": location,
                "jobName": job,
                "assetSelection": list(assets) or None,
            },
            "runConfigData": {},
            "executionMetadata": {"tags": pairs},
        }
        launched = self.graphql(_LAUNCH, run=run)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def run(self, job: str) -> str:
        """Launch a run of a job; return its final status."""
        return self.status_of(self.launch(job))

    def status_of(self, run_id: str) -> str:
        """Wait until a run has ended; return its status."""
        query = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

        def status() -> str | None:
            found = self.graphql(query, id=run_id)["runOrError"]["status"]
            return found if found in _ENDED else None

        return str(self.until(status))


@contextlib.contextmanager
def page(
    folder: Path, environment: Mapping[str, str], *arguments: object, program: Path | None = None
) -> Iterator[Page]:
    """Run `givlake ui` in a folder; terminate it with SIGTERM and check that no process is left.

    Args:
        folder: The working folder.
        environment: The environment.
        arguments: More arguments of the command.
        program: Another console script than this environment's.
    """
    port = free_port()
    own = command("ui", "--port", port, *arguments)
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [str(program or own[0]), *own[1:]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    found = Page(process, port, folder)
    try:
        yield found
        started = found.look()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert [each.command for each in started if is_running(each)] == []


def is_running(process: Process) -> bool:
    """Return whether a process is still running."""
    now = _process(process.pid)
    return now is not None and now.command == process.command


def processes_below(pid: int) -> Iterator[Process]:
    """Yield the child processes of a process, direct and indirect."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # A program's name, in brackets, may contain spaces.
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))
    left = children.get(pid, [])
    while left:
        child = left.pop()
        left += children.get(child, [])
        if (found := _process(child)) is not None:
            yield found


def _process(pid: int) -> Process | None:
    """Read a process from /proc; None if it does not exist or has just ended."""
    folder = Path("/proc") / str(pid)
    try:
        words = (folder / "cmdline").read_bytes().decode().replace("\0", " ").strip()
        pairs = (folder / "environ").read_bytes().decode().split("\0")
        where = str((folder / "cwd").readlink())
    except OSError:
        return None
    environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return Process(pid, words, environment, where) if words else None
