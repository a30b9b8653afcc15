"""`givlake status` as rows for programs: a line for each dataset, device, month and state."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from pipelines.health.freshness import Freshness
from pipelines.health.overview import SETTLED, DeviceOverview, Overview
from warehouse import State

COLUMNS = (
    "dataset", "device_id", "month", "state", "days", "reason", "error_count", "last_error_at",
    "command",
)  # fmt: skip


def rows(found: Sequence[Overview], fresh: Sequence[Freshness]) -> Iterator[dict[str, Any]]:
    """Give the rows; `days` and `month` are null for what is not asked for by day."""
    for part in found:
        for device in part.devices:
            for month in sorted(device.months, reverse=True):
                for state, days in sorted(device.months[month].items()):
                    yield {
                        "dataset": part.dataset,
                        "device_id": device.device_id,
                        "month": month,
                        "state": str(state),
                        "days": days,
                        **_hole(part.dataset, device, month, state),
                    }
    for snapshot in fresh:
        standing = [
            (one.device_id, str(one.state), one.reason, one.error_count) for one in snapshot.asked
        ]
        never = [(device_id, "not_requested", "", 0) for device_id in snapshot.not_requested]
        lacking = [(one, "not_available", why, None) for one, why in snapshot.unavailable.items()]
        for device_id, told, reason, errors in [*standing, *never, *lacking]:
            mends = told not in (*SETTLED, "not_available")
            yield {
                "dataset": snapshot.dataset,
                "device_id": device_id,
                "state": told,
                "reason": reason or None,
                "error_count": errors,
                "command": command_for(told) if mends else None,
            }


def command_for(state: str) -> str:
    """Name the command that mends what is asked for as it stands now."""
    return "givlake build" if state == State.NOT_BUILT else "givlake sync"


def _hole(dataset: str, device: DeviceOverview, month: str, state: State) -> dict[str, Any]:
    """Say why days of a month are missing, and which command fetches them."""
    if state in SETTLED:
        return {}
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    gaps = [
        hole
        for hole in device.gaps
        if hole.state is state and hole.first <= last and hole.last >= first
    ]
    start = max(first, min(hole.first for hole in gaps))
    end = min(last, max(hole.last for hole in gaps))
    return {
        "reason": "; ".join(dict.fromkeys(hole.reason for hole in gaps if hole.reason)),
        "error_count": max(hole.error_count for hole in gaps),
        "last_error_at": max(
            (hole.last_error_at for hole in gaps if hole.last_error_at), default=None
        ),
        "command": (
            "givlake build"
            if state is State.NOT_BUILT
            else f"givlake backfill --dataset {dataset} --device {shlex.quote(device.device_id)}"
            f" --start {start} --end {end}"
        ),
    }
