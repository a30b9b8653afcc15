"""Ranges of days that were requested, stored by dataset and device.

Two sets are kept. `REQUESTED`: what `sync` keeps complete, as far as the devices can have data.
`NAMED`: days that somebody named, or that a `sync` asked for; they are requested whatever the
device lists say about the devices.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from assets.framework.contract.day_range import Range, joined
from warehouse.lake import Lake

_ALL_DEVICES = "*"
_Stored = dict[str, dict[str, list[Range]]]  # by dataset and device


@dataclass(frozen=True, slots=True)
class StoredRanges:
    """A set of ranges in the state of the data folder.

    Attributes:
        key: Its name there.
    """

    key: str

    def add(
        self, lake: Lake, dataset: str, device_ids: Sequence[str], start: date, end: date
    ) -> None:
        """Add a range, both ends included; no device means all devices."""
        self.add_each(lake, dataset, dict.fromkeys(device_ids or [_ALL_DEVICES], (start, end)))

    def add_each(self, lake: Lake, dataset: str, ranges: Mapping[str, Range]) -> None:
        """Add a range for each of some devices."""

        def extended(stored: object) -> object:
            by_dataset = msgspec.convert(stored or {}, _Stored)
            by_device = by_dataset.setdefault(dataset, {})
            for device_id, added in ranges.items():
                by_device[device_id] = joined([*by_device.get(device_id, []), added])
            return msgspec.to_builtins(by_dataset)

        lake.state.update(self.key, extended)

    def of_devices(
        self, lake: Lake, dataset: str, device_ids: Iterable[str]
    ) -> dict[str, list[Range]]:
        """Return the ranges of each device, including those stored for all devices."""
        stored = msgspec.convert(lake.state.get(self.key, {}), _Stored).get(dataset, {})
        common = stored.get(_ALL_DEVICES, [])
        return {each: joined([*common, *stored.get(each, [])]) for each in device_ids}


REQUESTED = StoredRanges("requested_ranges")
NAMED = StoredRanges("named_ranges")
