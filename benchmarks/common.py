"""Helpers that all benchmarks share: simulators, owners, measured processes and tables."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from simulator import Simulator
from simulator.control import Control
from tests.support.owner import Owner

ROOT = Path(__file__).parents[1]
START_TIMEOUT_S = 60
Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that a process and the children it waited for have used.

    Attributes:
        cpu_s: User and system time.
        wall_s: Time on the clock.
        peak_bytes: Peak resident memory of the largest process.
        output: Standard output.
    """

    cpu_s: float
    wall_s: float
    peak_bytes: int
    output: str


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def new_folder(path: Path) -> Path:
    """Make an empty folder in place of whatever is there."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path.resolve()


@contextmanager
def simulator_process(*options: object) -> Iterator[Control]:
    """Run the simulator in a process of its own, so that its CPU time is not measured.

    Args:
        options: Options of `python -m simulator`.
    """
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        command = [sys.executable, "-m", "simulator", "--port-file", port_file, *options]
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not (port_file.exists() and port_file.read_text()):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The simulator did not start.")
                time.sleep(0.05)
            yield Control(f"http://127.0.0.1:{port_file.read_text()}/v1", timeout_s=600)
        finally:
            process.terminate()
            process.wait(30)


def owner_of(account: Simulator | Control, folder: Path, *datasets: str, **settings: str) -> Owner:
    """Return an owner of a simulated account.

    Args:
        account: The simulator.
        folder: The owner's folder; it is made if it does not exist.
        datasets: Datasets to fetch; none for all.
        settings: Environment variables.
    """
    if isinstance(account, Control):
        about = account.about()
        url, token = about["base_url"], about["token"]
    else:
        url, token = account.base_url, account.token
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {"GIVENERGY_API_URL": url, "GIVLAKE_DATASETS": ",".join(datasets), **settings}
    return Owner(folder, chosen, token=token)


def program(name: str, checkout: Path | None = None) -> str:
    """Return the path of a program in this environment, or in that of another checkout."""
    folder = checkout / ".venv/bin" if checkout else Path(sys.executable).parent
    return str((folder / name).absolute())


def measure(command: Sequence[object], owner: Owner, statuses: Collection[int] = (0,)) -> Usage:
    """Run a command in an owner's folder and return what it used.

    Args:
        command: The command line.
        owner: Whose folder and environment it has.
        statuses: Exit statuses that are no failure.

    Raises:
        SystemExit: The command failed.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=owner.folder,
            env=owner.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read().decode(errors="replace")
        if process.returncode not in statuses:
            command_line = " ".join(map(str, command))
            raise SystemExit(
                f"{command_line}: {process.returncode}\n{text}{errors.read().decode()}"
            )
    return Usage(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss * 1024, text)


def interleave(kinds: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, list[Figures]]:
    """Measure every kind once a round, in alternating order, so that load disturbs all alike."""
    found: dict[str, list[Figures]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in list(kinds)[:: -1 if number % 2 else 1]:
            found[kind].append(kinds[kind]())
    return found


def ratio(over: Sequence[float], under: Sequence[float]) -> list[str]:
    """Return the median and the range of the ratios, each made within a round."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    return [f"{median(ratios):.2f}", f"{min(ratios):.2f}-{max(ratios):.2f}"]


def median_and_least(values: Sequence[float]) -> str:
    """Return the median, with the least in brackets."""
    return f"{median(values):.2f} ({min(values):.2f})"


def counted(rounds: int) -> str:
    """Return how many rounds there were, in words."""
    return "1 round" if rounds == 1 else f"{rounds} rounds"


def row(*cells: object) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def heading(*names: str) -> str:
    """Return the first two lines of a Markdown table."""
    return f"{row(*names)}\n|{'---|' * len(names)}"


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table and an empty line."""
    print(heading(*names), *(row(*cells) for cells in rows), sep="\n")
    print(flush=True)


def print_load() -> None:
    """Print how busy the machine is: seconds mean little on a busy one, ratios more."""
    print("Load average:", ", ".join(f"{load:.1f}" for load in os.getloadavg()), "\n", flush=True)
