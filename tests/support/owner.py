"""A simulated owner: data folder, settings and commands."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import duckdb

from pipelines.cli import main
from pipelines.definitions_factory import build_definitions
from pipelines.instance import open_instance
from pipelines.settings import load_settings
from tests.support.sql_rows import in_asked_order
from tests.support.timeouts import TIMEOUT_S
from warehouse.lake import Lake


@dataclass(frozen=True)
class CommandResult:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str

    @property
    def output(self) -> str:
        return self.out + self.err


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore the handlers of the signals: an interrupted command leaves its own."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class Owner:
    """Run givlake in a folder with its own settings, without those of this process' environment."""

    def __init__(self, folder: Path, settings: Mapping[str, str], token: str | None) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.settings = {
            "GIVLAKE_DATA": str(self.data),
            "GIVLAKE_RETRY_S": "0",
            "GIVLAKE_DATASETS": "inverter_data_points",
            **({"GIVENERGY_API_TOKEN": token} if token is not None else {}),
            **settings,
        }

    @property
    def environment(self) -> dict[str, str]:
        ours = ("GIVLAKE_", "GIVENERGY_", "DAGSTER_")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        caches = {"XDG_CACHE_HOME": str(self.folder / "caches")}
        return {**kept, **caches, "COLUMNS": "300", **self.settings}

    @contextlib.contextmanager
    def environment_set(self) -> Iterator[None]:
        """Set this process' environment and working folder to the owner's."""
        with patch.dict(os.environ, self.environment, clear=True), contextlib.chdir(self.folder):
            yield

    def givlake(self, *arguments: object) -> CommandResult:
        """Run a command in this process, through the console script's function."""
        written, err = io.BytesIO(), io.StringIO()
        out = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
        status: Any = 0
        with (
            self.environment_set(),
            patch.object(sys, "argv", ["givlake", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            handlers_kept(),
        ):
            try:
                main()
            except SystemExit as end:
                status = end.code or 0
        return CommandResult(status, written.getvalue().decode(), err.getvalue())

    def start(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """Start a command in a separate process."""
        return subprocess.Popen(
            command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def process(self, *arguments: object) -> CommandResult:
        """Run a command in a separate process and wait for it."""
        return finished(self.start(*arguments))

    def sql(self, query: str, zone: str = "UTC") -> list[dict[str, Any]]:
        """Query the catalogue with DuckDB alone."""
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute(f"SET TimeZone = '{zone}'")
            found = connection.sql(query)
            rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
            return in_asked_order(rows, query)

    def rows(self) -> list[dict[str, Any]]:
        """Return all data points without provenance columns."""
        return self.sql("SELECT * EXCLUDE (response_id, fetched_at) FROM inverter_data_points")

    def states(self) -> dict[str, int]:
        """Return the number of expected device-days by state, from the catalogue."""
        found = self.sql(
            "SELECT state, count(*) AS days FROM coverage WHERE is_expected GROUP BY state"
        )
        return {row["state"]: row["days"] for row in found}

    def day_states(self, dataset: str, first: date, last: date) -> list[str]:
        """Return the states of a dataset's device-days in the order of their days."""
        found = self.sql(
            f"SELECT state FROM coverage WHERE dataset = '{dataset}'"
            f" AND request_date BETWEEN '{first}' AND '{last}' ORDER BY request_date, device_id"
        )
        return [row["state"] for row in found]

    def state(self) -> dict[str, Any]:
        """Return what the data folder's state file holds."""
        state: dict[str, Any] = json.loads((self.data / "state.json").read_text())
        return state

    def set_state(self, **values: Any) -> None:
        """Set values of the data folder's state file and keep the others."""
        (self.data / "state.json").write_text(json.dumps(self.state() | values))

    @contextlib.contextmanager
    def lake(self) -> Iterator[Lake]:
        with Lake(self.data) as lake:
            yield lake

    @contextlib.contextmanager
    def dagster(self) -> Iterator[tuple[dg.Definitions, dg.DagsterInstance]]:
        """Open the definitions and the instance that `givlake ui` shows."""
        with self.environment_set(), open_instance(load_settings()) as instance:
            yield build_definitions(load_settings()), instance


def command(*arguments: object) -> list[str]:
    """Return the command line of this environment's console script with arguments."""
    return [str(Path(sys.executable).with_name("givlake")), *map(str, arguments)]


def finished(process: "subprocess.Popen[bytes]", timeout_s: float = TIMEOUT_S) -> CommandResult:
    """Wait for a process and return its result; kill it at the time limit and fail the test."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return CommandResult(process.returncode, out.decode(), err.decode())
