"""The scope of `plan` and `backfill`: which days of which devices and datasets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.devices import Devices, local_day, of_kinds
from assets.framework.contract.stored_ranges import NAMED, REQUESTED
from givenergy.server_clock import utc_now
from pipelines.backfill_plan import BackfillTask
from pipelines.cli.common import check_begun
from pipelines.known_devices import history_start
from pipelines.requested_ranges import keep_current
from pipelines.selection import daily
from warehouse.lake import Lake

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a command is asked for.

    Attributes:
        chosen: The datasets.
        device_ids: The devices; none means all.
        start: First day; None for the beginning of history.
        end: Last day; None for today.
    """

    chosen: Sequence[Dataset]
    device_ids: Sequence[str]
    start: date | None
    end: date | None

    def days(self, devices: Devices, zone: str) -> tuple[date, date, date]:
        """Return the first and the last day, and today in an IANA time zone.

        Raises:
            KnownError: The start is in the future.
        """
        today = local_day(utc_now(), zone)
        check_begun(self.start, today)
        last = min(self.end or today, today)
        all_devices = [device for kind in devices.values() for device in kind]
        return self.start or min(history_start(all_devices, zone), last), last, today

    def tasks(self, devices: Devices, zone: str) -> list[BackfillTask]:
        """Return the days to request of devices; days that were named are not limited by hints.

        Raises:
            KnownError: The start is in the future.
        """
        first, last, _ = self.days(devices, zone)
        return [
            BackfillTask(
                dataset,
                of_kinds(devices, dataset.device_kinds),
                not self.device_ids,
                first,
                last,
                named=self.start is not None,
            )
            for dataset in daily(self.chosen)
        ]

    def name_days(self, lake: Lake, zone: str) -> None:
        """Store the days that are named, before the devices are known.

        Without an end the last days count as named: they are requested whatever the last contact
        is said to be, and an answer with data shows that the device is still there.

        Raises:
            KnownError: The start is in the future.
        """
        first, last, today = self.days({}, zone)
        if self.start is None:
            first = today - _DAY
        for dataset in daily(self.chosen):
            if self.start is not None or self.end is None:
                NAMED.add(lake, dataset.name, self.device_ids, first, last)

    def remember(self, lake: Lake, devices: Devices, zone: str) -> None:
        """Store what is requested, so that `sync` completes it.

        Raises:
            KnownError: The start is in the future.
        """
        first, last, today = self.days(devices, zone)
        for dataset in daily(self.chosen):
            name = dataset.name
            REQUESTED.add(lake, name, self.device_ids, first, last)
            if self.start is None and self.end is not None:
                chosen = of_kinds(devices, dataset.device_kinds)
                firsts = {each.device_id: each.days(first, last, zone)[0] for each in chosen}
                NAMED.add_each(lake, name, {key: (day, last) for key, day in firsts.items()})
            if last == today and not self.device_ids:
                keep_current(lake, name, first, today)
