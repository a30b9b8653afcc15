"""Whose a file is, and when its content was fetched, as far as names and contents say it."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo

from assets.framework.contract.dataset import Dataset
from pipelines.imports.recognition import NotUnderstoodError, Recognised, is_of_device, moment
from pipelines.imports.saved_files import SavedFile
from warehouse.forget import pattern_of

_SERIAL = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d{4}[A-Z]\d{3}(?![0-9A-Za-z])")
_DUMP_FIELDS = {"timestamp", "api_requests", "inverter_serials"}


class FileOwners:
    """Finds the device of an answer: by its address, by names of file and folders, or as named."""

    def __init__(self, device_id: str | None, known: Collection[str]) -> None:
        """Store what is known.

        Args:
            device_id: The device of what does not say its own; None if the owner named none.
            known: Devices of the data folder.
        """
        same = [each for each in known if each.casefold() == (device_id or "").casefold()]
        self._device_id = same[0] if same else device_id or None
        self._known = pattern_of(known)

    def owner(self, file: SavedFile, dataset: Dataset, found: Recognised | None) -> str:
        """Return the device of an answer; "" if it is about the account.

        Raises:
            NotUnderstoodError: Nothing says it.
        """
        if not is_of_device(dataset):
            return ""
        if found is not None and found.device_id:
            return found.device_id
        if (named := self._named(file)) is not None:
            return named
        if found is not None and found.may_be_site:
            raise NotUnderstoodError("readings of an inverter or of a site, which is not said")
        if self._device_id is None:
            raise NotUnderstoodError(f"{dataset.name}; whose is not said: name it with --device")
        return self._device_id

    def _named(self, file: SavedFile) -> str | None:
        """Return the device whose serial number is in the name of a file, or of its folders."""
        for part in reversed(_place(file).parts):
            found = set(self._known.findall(part)) or set(_SERIAL.findall(part))
            if len(found) > 1:
                raise NotUnderstoodError("its name has several serial numbers")
            if found:
                return str(found.pop())
        return None


class FetchTimes:
    """Finds when an answer was fetched: by what it says, by its dump, or by the file."""

    def __init__(self, zone: str) -> None:
        """Start without dumps; times without an offset are of this IANA zone."""
        self._zone = ZoneInfo(zone)
        self._dumps: dict[PurePosixPath, datetime] = {}

    def note_dump(self, file: SavedFile, content: Any) -> bool:
        """Note when a dump was made if a file is about one; return whether it is."""
        if not isinstance(content, Mapping) or not content.keys() >= _DUMP_FIELDS:
            return False
        if (at := moment(content["timestamp"])) is not None:
            self._dumps[_place(file).parent] = self.utc(at)
        return True

    def saved_at(self, file: SavedFile, found: Recognised | None) -> datetime:
        """Return when an answer was fetched, as far as tool and file say it."""
        if found is not None and found.saved_at is not None:
            return self.utc(found.saved_at)
        for folder in _place(file).parents:
            if folder in self._dumps:
                # The dump ends after the fetch; a copy of the file can be much later.
                return min(self._dumps[folder], file.modified_at)
        return file.modified_at

    def utc(self, time: datetime) -> datetime:
        """Return a time in UTC."""
        return (time.replace(tzinfo=self._zone) if time.tzinfo is None else time).astimezone(UTC)


def _place(file: SavedFile) -> PurePosixPath:
    path = PurePosixPath(file.path.absolute().as_posix())
    return path if file.member is None else path / file.member.lstrip("/")
