"""Reports of unexpected errors: the traceback in a file, without secrets and personal values."""

import json
import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pipelines.settings import Settings
from pipelines.settings_file import is_store

FOLDER = "reports"
# Serial numbers of the vendor's devices, UUIDs, e-mail addresses and coordinates.
_PERSONAL = re.compile(
    r"\b[A-Z]{2}\d{4}[A-Z]\d{3}\b"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|-?\d{1,3}\.\d{4,},\s*-?\d{1,3}\.\d{4,}"
)


def write_report(error: BaseException, settings: Settings | None) -> Path | None:
    """Write the traceback of an error to a file that only this user can read.

    Args:
        error: What ended a command.
        settings: The settings of the command, if it has read them.

    Returns:
        The file: in the data folder if there is one and it is writable, else in the temporary
        folder; None if neither is.
    """
    now = datetime.now(UTC)
    names = ", ".join(f"{name} {version(name)}" for name in ("givlake", "dagster", "duckdb"))
    text = "\n".join(
        (
            f"givlake {' '.join(sys.argv[1:2])}, {now:%Y-%m-%d %H:%M:%S} UTC",
            f"{names}, Python {platform.python_version()}, {platform.platform()}",
            "",
            *traceback.format_exception(error),
        )
    )
    text = redacted(text, settings)
    folders = [settings.data / FOLDER] if settings and is_store(settings.data) else []
    for folder in (*folders, _temporary_folder()):
        path = folder / f"givlake-error-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None


def redacted(text: str, settings: Settings | None) -> str:
    """Return a text without the token, addresses of alerts, known devices and personal values."""
    from givenergy.redaction import scrub

    secrets = [os.environ.get("GIVENERGY_API_TOKEN", "")]
    devices: Iterable[str] = ()
    if settings is not None:
        secrets += [settings.token or "", *settings.alert_urls]
        devices = _known_devices(settings.data)
    text = scrub(text, *secrets)
    for device in sorted(devices, key=len, reverse=True):
        text = text.replace(device, "<device>")
    return _PERSONAL.sub("<redacted>", text)


def _known_devices(data: Path) -> list[str]:
    try:
        known = json.loads((data / "state.json").read_bytes()).get("known_devices")
    except (OSError, ValueError, AttributeError):
        return []
    return [str(device) for device in known if device] if isinstance(known, list) else []


def _temporary_folder() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        return Path("/tmp")
