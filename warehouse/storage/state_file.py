"""State that runs store for later runs: names and JSON values in one file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from warehouse.errors import ReadOnlyError, StoreError
from warehouse.storage.atomic_files import explained, write_atomically
from warehouse.storage.file_locks import FileLock

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def read_state(path: Path) -> dict[str, Json]:
    """Return every value in a state file; none where there is no such file.

    Raises:
        StoreError: The file is no JSON object.
    """
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StoreError(
            f"{path} is not valid JSON ({error}): repair it or remove it, then run again"
        ) from error
    return dict(values)


class StateFile:
    """A JSON object in a file, read whole and replaced whole; safe between processes."""

    def __init__(self, path: Path, lock: Path, scratch: Path, *, read_only: bool = False) -> None:
        """Keep the values in `path`; the file appears with the first `set`."""
        self._read_only = read_only
        self._path = path
        self._lock = lock
        self._scratch = scratch

    def all(self) -> dict[str, Json]:
        """Return every value.

        Raises:
            StoreError: The file is no JSON object.
        """
        return read_state(self._path)

    def get(self, name: str, default: Json = None) -> Json:
        """Return the value of `name`, or `default`."""
        return self.all().get(name, default)

    def set(self, name: str, value: Json) -> None:
        """Set `name` to a JSON value; None removes it."""
        self.update(name, lambda _: value)

    def update(self, name: str, change: Callable[[Json], object]) -> None:
        """Replace the value of `name` by the result of `change`, atomically.

        `change` takes the current value (None if there is none) and returns a JSON value;
        None removes it.
        """
        if self._read_only:
            raise ReadOnlyError(self._path)
        with explained("Writing", self._path), FileLock(self._lock):
            values: dict[str, object] = {**self.all()}
            value = change(values.pop(name, None))  # type: ignore[arg-type]
            if value is not None:
                values[name] = value
            text = json.dumps(values, indent=2, sort_keys=True)
            write_atomically(self._path, text.encode(), self._scratch)
