"""`givlake status` as rows for programs: one row per dataset, device, month and state."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from pipelines.health.freshness import Freshness
from pipelines.health.overview import DeviceOverview, Overview
from pipelines.recommended_commands import with_account
from warehouse.coverage import SETTLED, State

COLUMNS = (
    "dataset", "device_id", "month", "state", "days", "reason", "error_count", "last_error_at",
    "command",
)  # fmt: skip


def rows(overviews: Sequence[Overview], snapshots: Sequence[Freshness]) -> Iterator[dict[str, Any]]:
    """Yield the rows; `days` and `month` are null for snapshot datasets."""
    for summary in overviews:
        for device in summary.devices:
            for month in sorted(device.months, reverse=True):
                for state, days in sorted(device.months[month].items()):
                    yield {
                        "dataset": summary.dataset,
                        "device_id": device.device_id,
                        "month": month,
                        "state": str(state),
                        "days": days,
                        **_missing(summary.dataset, device, month, state),
                    }
    for snapshot in snapshots:
        requested = [
            (each.device_id, str(each.state), each.reason, each.error_count)
            for each in snapshot.last_requests
        ]
        never = [(device_id, "not_requested", "", 0) for device_id in snapshot.not_requested]
        unavailable = [
            (each, "not_available", str(why), None) for each, why in snapshot.unavailable.items()
        ]
        for device_id, name, reason, errors in [*requested, *never, *unavailable]:
            is_fixable = name not in (*SETTLED, "not_available")
            yield {
                "dataset": snapshot.dataset,
                "device_id": device_id,
                "state": name,
                "reason": reason or None,
                "error_count": errors,
                "command": fix_command(State(name)) if is_fixable else None,
            }


def fix_command(
    state: State,
    start: date | None = None,
    end: date | None = None,
    *,
    dataset: str = "",
    device_ids: Sequence[str] = (),
) -> str:
    """Return the command that fixes days, or a snapshot dataset, in a state."""
    if state is State.NOT_BUILT:
        return with_account("givlake build")
    if start is None:
        return with_account("givlake sync")
    # Device names come from the API, and owners paste the command into a shell.
    device_options = "".join(f" --device {shlex.quote(device_id)}" for device_id in device_ids)
    dataset_option = f" --dataset {dataset}" if dataset else ""
    # What is fetched already is fetched again only on demand.
    again = " --refetch" if state is State.PROVISIONAL else ""
    options = f"{dataset_option}{device_options} --start {start} --end {end}{again}"
    return f"{with_account('givlake backfill')}{options}"


def _missing(dataset: str, device: DeviceOverview, month: str, state: State) -> dict[str, Any]:
    """Return why days of a month are missing, and the command that fetches them."""
    if state in SETTLED:
        return {}
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    gaps = [
        gap for gap in device.gaps if gap.state is state and gap.first <= last and gap.last >= first
    ]
    start = max(first, min(gap.first for gap in gaps))
    end = min(last, max(gap.last for gap in gaps))
    return {
        "reason": "; ".join(dict.fromkeys(gap.reason for gap in gaps if gap.reason)),
        "error_count": max(gap.error_count for gap in gaps),
        "last_error_at": max((at for gap in gaps if (at := gap.last_error_at)), default=None),
        "command": fix_command(state, start, end, dataset=dataset, device_ids=[device.device_id]),
    }
