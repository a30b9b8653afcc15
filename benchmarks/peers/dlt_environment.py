"""The environment of dlt: made once in build/bench-dlt, with what PyPI has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.common import ROOT

FOLDER = ROOT / "build" / "bench-dlt"
_PACKAGES = ("dlt[duckdb]==1.31.0", "duckdb==2.0.1", "pyarrow==26.0.1")
_TIMEOUT_S = 600


def dlt_python() -> tuple[Path | None, str]:
    """Return the Python that has dlt and its versions, or None and why there is none."""
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "done").exists():
        print("Installing dlt into build/bench-dlt …", file=sys.stderr, flush=True)
        for command in (
            [sys.executable, "-m", "venv", str(FOLDER)],
            [str(python), "-m", "pip", "--no-input", "-q", "install", *_PACKAGES],
        ):
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired:
                return None, f"not installed within {_TIMEOUT_S} s"
            if done.returncode:
                last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
                return None, f"pip could not install it: {' '.join(last)}"
        (FOLDER / "done").touch()
    names = "import dlt, duckdb; print(f'dlt {dlt.__version__}, duckdb {duckdb.__version__}')"
    done = subprocess.run([python, "-c", names], capture_output=True, text=True, check=True)
    return python, done.stdout.strip()
