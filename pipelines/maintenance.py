"""Keeping the data folder in shape: compacting the archive, once a day.

What proves and mends the stores stands in `warehouse`.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from warehouse import CompactionReport, Lake, compact, trim

_COMPACTED_AT = "compacted_at"
_COMPACT_EVERY = timedelta(days=1)


def compact_archive(lake: Lake) -> CompactionReport:
    """Merge the small segments of the archive into large sorted packs; trim what was replaced."""
    report = compact(lake.archive)
    trim(lake)
    lake.state.set(_COMPACTED_AT, datetime.now(UTC).isoformat())
    return report


def compact_if_due(lake: Lake) -> CompactionReport | None:
    """Compact the archive if that was not done for a day."""
    compacted_at = msgspec.convert(lake.state.get(_COMPACTED_AT), datetime | None)
    if compacted_at is not None and datetime.now(UTC) - compacted_at < _COMPACT_EVERY:
        return None
    return compact_archive(lake)
