"""Plan what another API is asked for: the days that GivEnergy's has not given."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pyarrow as pa

from assets.framework.contract.devices import expected_days
from assets.framework.contract.stored_ranges import NAMED
from assets.framework.ingestion.daily import DailyPlan
from givenergy.server_clock import utc_now
from warehouse.coverage import coverage_by_month, days_to_fill


class FillPlan(DailyPlan):
    """The days between two days, both included, that only another API may have."""

    def _states(
        self, start: date, end: date, refetch: bool, *, forbidden: bool
    ) -> Iterator[pa.Table]:
        del forbidden  # what GivEnergy's API refused is what this one is for
        lake, name, now = self._session.lake, self._dataset.name, utc_now()
        # The lists' last contact is that with GivEnergy's cloud.
        devices = [replace(device, last_contact_at=None) for device in self._devices]
        named = NAMED.of_devices(lake, name, (device.device_id for device in devices))
        expected = expected_days(name, devices, start, end, self._session.zone, named)
        rules = [self._dataset.coverage_rule]
        for states in coverage_by_month(lake, rules, expected, start, end, now=now):
            yield states if refetch else days_to_fill(states)
