"""Find a Chromium for tests in a browser, or install Debian's, and print its path.

    python3 -m tests.support.find_chromium [--install]

The status is 1 if there is none. This runs before anything is installed, so that it needs only the
standard library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

# A path, and the first to be looked at.
VARIABLE = "CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_TRIES = 3
_PACKAGES = ("chromium", "fonts-dejavu-core")
_SHOWN = 2000


def find_chromium() -> str | None:
    """Return the path of a Chromium that starts; None if there is none.

    Ubuntu has a `chromium-browser` that only says how to install one.
    """
    if named := os.environ.get(VARIABLE):
        return named if _starts(named) else None
    return next(filter(_starts, _candidates()), None)


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, _NAMES))
    yield from filter(os.path.exists, _MACOS)


def _starts(path: str) -> bool:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _install() -> str:
    """Install Chromium by apt-get; return why it is not there, or an empty text."""
    if not shutil.which("apt-get"):
        return "this system has no apt-get"
    if os.geteuid() != 0:
        return "only root may install it"
    packages = ["install", "-qq", "--yes", "--no-install-recommends", *_PACKAGES]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for again in range(_TRIES):
        time.sleep(5 * again)
        for arguments in (["update", "-qq"], packages):
            done = subprocess.run(
                ["apt-get", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=quiet,
                check=False,
            )
            if done.returncode:
                break
        else:
            return "" if find_chromium() else "the package of this system does not start"
    return f"apt-get {arguments[0]} failed: {done.stdout[-_SHOWN:].strip()}"


def main() -> None:
    """Print the path, or say why there is none."""
    found = find_chromium()
    named = os.environ.get(VARIABLE)
    reason = f"{VARIABLE}={named} does not start" if named else "none is installed"
    if found is None and named is None and "--install" in sys.argv[1:]:
        reason = _install()
        found = find_chromium()
    if found is None:
        sys.exit(f"No Chromium, so tests in a browser are skipped: {reason}.")
    print(found)


if __name__ == "__main__":
    main()
