"""Restore lost expected days from the device lists in the tables.

Without expected days nothing would be reported as missing.
"""

import logging

from pipelines.known_devices import expect, last_discovery
from warehouse.lake import Lake

_LOG = logging.getLogger(__name__)


def restore_expected_days(lake: Lake, zone: str) -> bool:
    """Store the expected days again, without a request, after their file was emptied or removed.

    Args:
        lake: The data folder; its tables are intact.
        zone: The account's time zone.

    Returns:
        Whether any days are expected.
    """
    if last_discovery(lake) is None:
        return False
    _, devices = expect(lake, zone)
    if not devices:
        return False
    _LOG.warning("expected_days.parquet was empty: restored from the device lists")
    return True
