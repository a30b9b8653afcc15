"""Keeping the data folder in shape: packing the archive, once a day.

What proves and mends the stores stands in `warehouse`.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from warehouse import Lake, PackReport, pack, trim

_COMPACTED_AT = "compacted_at"
_PACK_EVERY = timedelta(days=1)


def pack_archive(lake: Lake) -> PackReport:
    """Merge the small segments of the archive into large sorted packs; trim what was replaced."""
    report = pack(lake.archive)
    trim(lake)
    lake.state.set(_COMPACTED_AT, datetime.now(UTC).isoformat())
    return report


def pack_if_due(lake: Lake) -> PackReport | None:
    """Pack the archive if that was not done for a day."""
    packed_at = msgspec.convert(lake.state.get(_COMPACTED_AT), datetime | None)
    if packed_at is not None and datetime.now(UTC) - packed_at < _PACK_EVERY:
        return None
    return pack_archive(lake)
