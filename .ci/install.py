"""Install pinned packages into a virtual environment, and then a project: with uv, or else pip.

usage: install.py ENVIRONMENT PINS [PROJECT]

The environment is made if it is not there. This runs before anything is installed, so that it needs
only the standard library.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

_OLDEST = (3, 11)
_LINES_SHOWN = 30
# Packages that pip looks at between two lines, where lines cannot replace each other.
_STEP = 20
# What the commands import is compiled here: Python would do so at the first start, but in many
# environments it may not write. All files of all packages would be three times as much.
_COMPILE = (
    "import pipelines.cli.givlake_command, pipelines.definitions, simulator, dagster._cli,"
    " dagster._daemon.cli, dagster._grpc.server, dagster_webserver.cli"
)


def main(environment: Path, pins: Path, project: Path | None) -> None:
    """Install the pins, and the project if there is one, and say how long it took."""
    if sys.version_info < _OLDEST:
        now = sys.version_info
        sys.exit(f"givlake needs Python 3.11 or newer; this is {now[0]}.{now[1]}. Set PYTHON=")
    started = time.monotonic()
    total = len({*re.findall(r"^(\S+)==", pins.read_text(), re.MULTILINE)})
    python = environment / "bin" / "python"
    uv = shutil.which("uv")
    tools = ["uv", "pip"] if uv else ["pip"]
    for tool in tools:
        _say(f"Installing {total} packages of {pins} into {environment} with {tool}.")
        if tool == "uv":
            make = [str(uv), "venv", "--quiet", "--allow-existing", "--python", sys.executable]
            install = [str(uv), "pip", "install", "--python", str(python)]
        else:
            make = [sys.executable, "-m", "venv"]
            install = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
            install += ["install", "--no-compile", "--progress-bar", "off"]
        pinned = [*install, "--no-deps", "--require-hashes", "-r", str(pins)]
        steps = [[*make, str(environment)], pinned]
        if project is not None:
            steps.append([*install, "--no-deps", "--no-build-isolation", "-e", str(project)])
        if all(_run(step, total) for step in steps):
            break
        if tool == tools[-1]:
            sys.exit("The packages could not be installed; the reason is above.")
    if project is not None:
        _show("compiling")
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "GIVLAKE_ENV_FILE": ""}
        subprocess.run([str(python), "-c", _COMPILE], check=True, env=variables)
    files = (file for file in environment.rglob("*") if file.is_file() and not file.is_symlink())
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    _show("")
    _say(f"Installed in {time.monotonic() - started:.0f} s; {environment} has {size_mb:.0f} MB.")


def _run(command: list[str], total: int) -> bool:
    """Run a command and show how far it is; show its last lines and return False if it fails."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    lines: list[str] = []
    seen = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        assert process.stdout is not None
        for line in map(str.rstrip, process.stdout):
            lines.append(line)
            if match := re.match(r"Collecting ([\w.-]+)", line):
                seen += 1
                _show(f"{seen} of {total}: {match[1]}", is_kept=seen % _STEP == 0)
            elif line.startswith("Installing collected packages") and seen > 1:
                _show(f"{total} of {total}: unpacking", is_kept=True)
            elif re.match(r" ?(Downloading|Downloaded|Resolved|Prepared|Installed) ", line):
                _show(line.strip(), is_kept=line.startswith(" Downloaded"))
    if process.returncode:
        _show("")
        print(*lines[-_LINES_SHOWN:], sep="\n", file=sys.stderr)
    return process.returncode == 0


def _show(text: str, is_kept: bool = False) -> None:
    """Replace the line of progress; where lines cannot be replaced, print those to keep."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text and '  ' + text[:70]}", end="", flush=True)
    elif is_kept:
        _say(f"  {text}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:3]), Path(sys.argv[3]) if len(sys.argv) == 4 else None)
