"""Keeping the data folder in shape: packing the archive, and forgetting a device.

What proves and mends the stores stands in `warehouse`.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from assets.registry import datasets, without_devices
from pipelines.discovery import forget_known
from pipelines.wishes import forget_wishes
from warehouse import ForgetReport, Lake, PackReport, forget, pack, trim

_PACKED_AT = "packed_at"
_PACK_EVERY = timedelta(days=1)


def pack_archive(lake: Lake) -> PackReport:
    """Merge the small segments of the archive into large sorted packs; trim what was replaced."""
    report = pack(lake.archive)
    trim(lake)
    lake.settings.set(_PACKED_AT, datetime.now(UTC).isoformat())
    return report


def pack_if_due(lake: Lake) -> PackReport | None:
    """Pack the archive if that was not done for a day."""
    packed_at = msgspec.convert(lake.settings.get(_PACKED_AT), datetime | None)
    if packed_at is not None and datetime.now(UTC) - packed_at < _PACK_EVERY:
        return None
    return pack_archive(lake)


def forget_devices(lake: Lake, device_ids: Collection[str]) -> ForgetReport:
    """Remove devices from every store; lists of devices are kept without them.

    Interrupted, it can be run again.
    """
    report = forget(
        lake,
        devices=device_ids,
        decoders=datasets(),
        rewrite_body=lambda dataset, body: without_devices(dataset, body, device_ids),
    )
    forget_wishes(lake, device_ids)
    forget_known(lake, device_ids)
    return report
