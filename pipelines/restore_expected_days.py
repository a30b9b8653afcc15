"""Which days are expected, when that was lost: what the lists of devices in the tables say of it.

Without expectations nothing would seem to be missing. Noting them after a discovery is not here.
"""

import logging

from pipelines.discovery import expect, last_discovery
from warehouse import Lake

_LOG = logging.getLogger(__name__)


def restore_expected_days(lake: Lake, zone: str) -> bool:
    """Note again which days are expected, without a request, after that was emptied or removed.

    Args:
        lake: the data folder, its tables whole.
        zone: the account's time zone.

    Returns:
        Whether there is anything to expect.
    """
    if last_discovery(lake) is None:
        return False
    if not expect(lake, zone):
        return False
    _LOG.warning("expected_days.parquet was empty: it is made again from the lists of devices")
    return True
