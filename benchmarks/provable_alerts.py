"""Alerts as they arrive: from `backfill`, `alert` and the sensors of Dagster's daemon.

    python benchmarks/provable_alerts.py FOLDER [--port 3999]

A local server takes what Apprise posts to a `json://` address. Processes are real: `givlake`
commands, and `givlake ui`, in which a run is launched that fails and then one that does not. Prints
each step with the alerts that it brought. The sensor that looks every quarter of an hour is not
waited for: `givlake alert` looks in its place.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator import Simulator, SimulatorConfig
from tests.support.http_listener import Listener, listening
from tests.support.owner import Owner, command, finished

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
PATIENCE_S = 600


class Dagster:
    """Dagster's web server, as its page asks it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/graphql"

    def request(self, query: str, **variables: Any) -> Any:
        """Send a query."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def wait(self) -> None:
        """Wait until it answers."""
        wait_for(lambda: self.request("{ version }"))

    def run(self, job: str, day: str) -> str:
        """Launch a run of a day and wait for its end; returns how it ended."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "pipelines.definitions",
            "jobName": job,
        }
        tags = [{"key": "dagster/partition", "value": day}]
        params = {"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": {}}
        run_id = self.request(LAUNCH, params=params)["launchRun"]["run"]["runId"]

        def ended() -> str | None:
            status: str = self.request(STATUS, id=run_id)["runOrError"]["status"]
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

        return str(wait_for(ended))


def wait_for(look: Any) -> Any:
    """Look again and again until there is something."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError, KeyError, TypeError):
            if found := look():
                return found
        time.sleep(1)
    raise SystemExit("That did not come in time.")


@contextlib.contextmanager
def ui(owner: Owner, port: int) -> Iterator[Dagster]:
    """Run `givlake ui`."""
    log = (owner.folder / "ui.txt").open("w")
    process = subprocess.Popen(
        command("ui", "--port", port),
        cwd=owner.folder,
        env=owner.environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        dagster = Dagster(port)
        dagster.wait()
        yield dagster
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
        log.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=3999)
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    day = datetime.now(UTC).date() - timedelta(days=5)
    config = SimulatorConfig(
        inverters=2,
        gateways=0,
        seed=7,
        rate_limit=100_000,
        rows_per_day=50,
        empty_day_rate=0.0,
        commissioned=day - timedelta(days=30),
    )
    with Simulator(config) as sim, listening() as listener:
        settings = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_ALERT_URLS": listener.url(),
            "GIVLAKE_ALERT_BY": "00:00",
        }
        steps(sim, Owner(folder, settings, sim.token), listener, f"{day}", given.port)


def steps(sim: Simulator, owner: Owner, listener: Listener, day: str, port: int) -> None:
    """Let things fail and be mended."""
    print("| step | ended | alerts |\n|---|---|---|")
    told = 0

    def say(step: str, ended: object) -> None:
        nonlocal told
        heard = [f"{m['title']}: {m['message']}" for m in listener.heard[told:]]
        told = len(listener.heard)
        texts = "<br>".join(text.replace("\n", "; ") for text in heard) or "none"
        print(f"| {step} | {ended} | {texts} |", flush=True)

    def givlake(*words: object) -> int:
        return finished(owner.start(*words), PATIENCE_S).status

    def next_alert() -> None:
        wait_for(lambda: len(listener.heard) > told)

    day_before = f"{datetime.fromisoformat(day).date() - timedelta(days=1)}"
    fetch = ("backfill", "--start", day, "--end", day)
    sim.fail(f"{sim.serials[0]}/data-points/{day}", status=500)
    say("`backfill` of a day that one inverter cannot have", givlake(*fetch))
    say("`backfill` once more", givlake(*fetch))
    say("`alert`, as cron runs it", givlake("alert"))
    sim.clear_failures()
    say("`backfill` when the API is mended", givlake(*fetch))
    givlake("sync")
    say("`sync`", 0)
    with ui(owner, port) as dagster:
        sim.fail(f"{sim.serials[1]}/data-points/{day_before}", status=500)
        ended = dagster.run("ingest_inverter_data_points", day_before)
        next_alert()
        say("`ui`: a run of the day before fails; `alert_run_failure`", ended)
        sim.clear_failures()
        ended = dagster.run("ingest_inverter_data_points", day_before)
        say("`ui`: the run again, when the API is mended", ended)
    say("`alert`, as cron runs it", givlake("alert"))


if __name__ == "__main__":
    main()
