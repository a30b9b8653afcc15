"""Maintain the data folder: compact the archive once a day."""

from datetime import datetime, timedelta

import msgspec

from givenergy.server_clock import utc_now
from warehouse.archive import CompactionReport, compact
from warehouse.lake import Lake
from warehouse.vacuum import vacuum

_COMPACTED_AT = "compacted_at"
_COMPACT_EVERY = timedelta(days=1)


def compact_archive(lake: Lake) -> CompactionReport:
    """Merge the small segments of the archive into large sorted packs; vacuum replaced files."""
    report = compact(lake.archive)
    vacuum(lake)
    lake.state.set(_COMPACTED_AT, utc_now().isoformat())
    return report


def compact_if_due(lake: Lake) -> CompactionReport | None:
    """Compact the archive if the last compaction is more than a day ago."""
    compacted_at = msgspec.convert(lake.state.get(_COMPACTED_AT), datetime | None)
    if compacted_at is not None and utc_now() - compacted_at < _COMPACT_EVERY:
        return None
    return compact_archive(lake)
