"""The layout of a data folder: its version, and the steps from an older layout to this one.

`docs/stores.md` says what each version changed. A step changes names and small files; tables and
indexes carry the layout in their manifests and are rebuilt from the archive by whoever next builds
them. So a step needs no request, and little time and disk.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse.errors import StoreError, VersionError
from warehouse.storage.atomic_files import Scratch, explained, is_in_use, sweep, write_atomically
from warehouse.storage.file_locks import FileLock
from warehouse.storage.state_file import StateFile

LAYOUT_VERSION = 3
STORE_FILE = "store.json"
STATE_FILE = "state.json"
_STATE_FILE_1 = "settings.json"
_LOG = logging.getLogger(__name__)
# Names in the state file of layout 1, and in its record of alerts -> those of layout 2.
_STATE_NAMES = {
    "wished_ranges": "requested_ranges",
    "alerts": "sent_alerts",
    "packed_at": "compacted_at",
}
_ALERT_NAMES = {"asked": "snapshots", "troubles": "failures"}


def needs_upgrade(folder: Path) -> bool:
    """Return whether an older givlake wrote the folder, which `upgrade` has to change first.

    Raises:
        StoreError: `store.json` cannot be read.
        VersionError: A newer givlake has written the folder.
    """
    return _version(folder) < LAYOUT_VERSION


def state_file(folder: Path) -> Path:
    """Return where a folder's state file is, whichever layout the folder has."""
    current, former = folder / STATE_FILE, folder / _STATE_FILE_1
    return former if former.exists() and not current.exists() else current


def upgrade_message(folder: Path) -> str:
    """Return a sentence for commands that only read, and so do not upgrade a folder."""
    return (
        f"the data folder {folder} has layout {_version(folder)} and this givlake reads layout "
        f"{LAYOUT_VERSION}: run `givlake build`, which rebuilds the tables from the archive "
        "without a request"
    )


def upgrade(folder: Path) -> None:
    """Bring a folder of an older layout to the present one; do nothing if it is.

    Each step can be repeated, and the version is written last: an interrupted upgrade is completed
    by the next process that opens the folder. Processes that come meanwhile wait.

    Raises:
        StoreError: `store.json` or the state file cannot be read, the disk is full or not
            writable, or an older givlake is using the folder.
        VersionError: A newer givlake has written the folder.
    """
    if not needs_upgrade(folder):
        return
    with explained("Upgrading the data folder", folder):
        for name in ("locks", "tmp"):
            (folder / name).mkdir(exist_ok=True, mode=0o700)
        with FileLock(folder / "locks" / "layout"):
            version = _version(folder)
            if version == LAYOUT_VERSION:
                return
            sweep(folder / "tmp")
            # It would go on to write what it knows under the old names.
            if is_in_use(folder / "tmp"):
                raise StoreError(
                    f"the data folder {folder} has layout {version} and an older givlake is using "
                    "it: stop that (`givlake ui` too), then run again"
                )
            _LOG.warning(
                "The data folder is upgraded from layout %d to %d; its tables are rebuilt from the "
                "archive, without a request",
                version,
                LAYOUT_VERSION,
            )
            scratch = Scratch(folder / "tmp")
            try:
                for step in range(version, LAYOUT_VERSION):
                    _STEPS[step](folder, scratch.folder)
                stamp(folder, scratch.folder, replace=True)
            finally:
                scratch.close()


def stamp(folder: Path, scratch: Path, *, replace: bool = False) -> None:
    """Write the version into a folder without one; `replace` an older one."""
    path = folder / STORE_FILE
    if path.exists() and not replace:
        return
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    stored = json.loads(path.read_bytes()) if path.exists() else {"made_at": made_at}
    text = json.dumps({**stored, "layout_version": LAYOUT_VERSION})
    write_atomically(path, text.encode(), scratch)


def _version(folder: Path) -> int:
    path = folder / STORE_FILE
    try:
        version = int(json.loads(path.read_bytes())["layout_version"])
    except FileNotFoundError:
        return 1 if (folder / _STATE_FILE_1).exists() else LAYOUT_VERSION
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} does not say which layout the stores have: write "
            f'{{"layout_version": {LAYOUT_VERSION}}} into it if no newer givlake was used'
        ) from error
    if version > LAYOUT_VERSION:
        raise VersionError(
            f"the data folder {folder} has layout {version}, written by a newer givlake, "
            f"and this one knows layouts up to {LAYOUT_VERSION}: update givlake"
        )
    return version


def _to_2(folder: Path, scratch: Path) -> None:
    """Move the state file to its new name, and what it holds to new names."""
    old, new = folder / _STATE_FILE_1, folder / STATE_FILE
    lock = folder / "locks" / "state"
    stored = StateFile(old, lock, scratch).all()
    if stored:
        # What is in the new file already is of an upgrade that was interrupted.
        values = {**StateFile(new, lock, scratch).all(), **_renamed(stored, _STATE_NAMES)}
        if isinstance(alerts := values.get("sent_alerts"), dict):
            values["sent_alerts"] = _renamed(alerts, _ALERT_NAMES)
        text = json.dumps(values, indent=2, sort_keys=True)
        write_atomically(new, text.encode(), scratch)
    old.unlink(missing_ok=True)
    (folder / "locks" / "settings").unlink(missing_ok=True)


def _renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _to_3(folder: Path, scratch: Path) -> None:
    """Change no file: the quarantine and the row accounting have more columns."""


# Layout version -> what turns a folder of that layout into one of the next.
_STEPS: dict[int, Callable[[Path, Path], None]] = {1: _to_2, 2: _to_3}
