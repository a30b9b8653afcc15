"""Checkouts of givlake that are measured: this one, and another with `--against`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.common import owner_of
from simulator.control import Control
from tests.support.owner import Owner


def python_of(checkout: Path) -> Path:
    """Return the Python of a checkout's environment."""
    return checkout / ".venv/bin/python"


def givlake_of(checkout: Path, *arguments: object) -> list[object]:
    """Return a command of a checkout's command line."""
    return [python_of(checkout), "-m", "pipelines.cli", *arguments]


def owner_of_checkout(control: Control, folder: Path, checkout: Path, *datasets: str) -> Owner:
    """Return an owner whose commands use a checkout's code, compiled once for all commands."""
    settings = {"PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": ""}
    return owner_of(control, folder, *datasets, **settings)
