"""The days that are expected of an inverter that only the local reader knows.

In a folder without the account's lists of devices nothing else says which days an inverter has,
and in which time zone they are. Where there are lists, they do.
"""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa

from assets.inverter_data_points import DATASET
from pipelines.known_devices import last_discovery
from warehouse.lake import EXPECTED_SCHEMA, Lake


def expect_polled_days(lake: Lake, days: Iterable[tuple[str, date]], zone: str) -> None:
    """Expect the days of inverters from the first one polled to the last.

    Args:
        lake: The data folder.
        days: Serial numbers and days.
        zone: IANA time zone of the days.
    """
    if last_discovery(lake) is not None:
        return
    before = lake.expected().to_pylist()
    known = {(row["dataset"], row["device_id"]): row for row in before}
    for serial, day in days:
        row = known.get((DATASET.name, serial), {"first_date": day, "last_date": day})
        known[DATASET.name, serial] = {
            "dataset": DATASET.name,
            "device_id": serial,
            "first_date": min(row["first_date"], day),
            "last_date": max(row["last_date"] or day, day),
            "zone": zone,
            "last_contact_at": None,
        }
    if (rows := list(known.values())) != before:
        lake.expect(pa.Table.from_pylist(rows, EXPECTED_SCHEMA))
