"""Keeping the data folder in shape: packing the archive, once a day.

What proves and mends the stores stands in `warehouse`.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from warehouse import Lake, PackReport, pack, vacuum

_PACKED_AT = "packed_at"
_PACK_EVERY = timedelta(days=1)


def pack_archive(lake: Lake) -> PackReport:
    """Merge the small segments of the archive into large sorted packs; vacuum replaced files."""
    report = pack(lake.archive)
    vacuum(lake)
    lake.settings.set(_PACKED_AT, datetime.now(UTC).isoformat())
    return report


def pack_if_due(lake: Lake) -> PackReport | None:
    """Pack the archive if that was not done for a day."""
    packed_at = msgspec.convert(lake.settings.get(_PACKED_AT), datetime | None)
    if packed_at is not None and datetime.now(UTC) - packed_at < _PACK_EVERY:
        return None
    return pack_archive(lake)
