"""Data folders that one worker makes for all workers of a test run."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def copy_of(
    name: str, make: Callable[[Path], None], factory: pytest.TempPathFactory, to: Path
) -> None:
    """Copy the content of a folder that the first who asks for it makes.

    Args:
        name: Names the folder within the run; the same name means the same content.
        make: Makes the content in an empty folder.
        factory: Knows the temporary folder of the run.
        to: The folder to copy to.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-once"
    shared.mkdir(exist_ok=True)
    made = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            unfinished = made.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(made)
    shutil.copytree(made, to, dirs_exist_ok=True)
