"""What is missing: which days need a fetch or a build, and why.

Computed only here: plans, runs, `status`, alerts and fix commands read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.coverage.coverage_fact import (
    NOT_WHOLE_REASON,
    SETTLED,
    SILENT_REASON,
    UNSUCCESSFUL,
    State,
)

_DAY = timedelta(days=1)
_UTC = pa.timestamp("us", tz="UTC")
# States of days of which the API has not given all that it has.
_NOT_GIVEN = (State.NOT_REQUESTED, State.UNPROVEN, State.GONE, *UNSUCCESSFUL)
_GAP_COLUMNS = [
    "device_id", "request_date", "state", "reason", "last_error_at", "error_count",
]  # fmt: skip


def days_to_fetch(
    states: pa.Table, *, refetch: bool = False, refresh: bool = False, refused: bool = True
) -> pa.Table:
    """Select the days to request.

    Args:
        states: Days as `coverage_by_month` yields them.
        refetch: Select every day, complete ones too.
        refresh: Also select days that were last fetched before they were over, such as today,
            but not of a device that has long been silent; otherwise a fetched day is selected only
            when a fetch now makes it final.
        refused: Also select days to which access was refused, which may have been granted since.
    """
    if refetch:
        return states
    selected = states["due"]
    if refused:
        selected = pc.or_(selected, pc.equal(states["state"], str(State.FORBIDDEN)))
    if refresh:
        unfinished = in_states(states, (State.PROVISIONAL, State.NOT_BUILT, State.UNPROVEN))
        early = pc.and_not(pc.and_(fetched_early(states), unfinished), states["is_silent"])
        selected = pc.or_(selected, early)
    return states.filter(selected)


def days_to_fill(states: pa.Table) -> pa.Table:
    """Select the days to request from another API: those that the API has not given whole.

    A day is requested from it until it has been answered when the day was final.

    Args:
        states: Days as `coverage_by_month` yields them.
    """
    unfinished = pc.and_(in_states(states, (State.PROVISIONAL,)), fetched_early(states))
    lacking = pc.or_(in_states(states, _NOT_GIVEN), unfinished)
    return states.filter(pc.and_not(lacking, pc.is_valid(states["other_final_at"])))


def missing_days(states: pa.Table) -> pa.Table:
    """Select the days that are not settled: they need a fetch, a build or a person.

    Args:
        states: Days as `coverage_by_month` yields them.

    Returns:
        The same columns; the reason of a request that failed is what the API said.
    """
    return _with_reasons(states.filter(pc.invert(in_states(states, SETTLED))))


def not_whole_days(states: pa.Table) -> pa.Table:
    """Select the days that are fetched, final by their age, and not whole.

    Args:
        states: Days as `coverage_by_month` yields them.
    """
    return states.filter(pc.is_in(states["reason"], pa.array([NOT_WHOLE_REASON, SILENT_REASON])))


def overdue_days(states: pa.Table, now: datetime, *, built_within: timedelta) -> pa.Table:
    """Select the days that should be in the tables by now and are not.

    Those that were requested without success, those that are over and were not fetched since, and
    those that were not built for some time after they were fetched.

    Args:
        states: Days as `coverage_by_month` yields them.
        now: The moment to judge by.
        built_within: How long after its fetch a day may remain unbuilt.
    """
    never = pc.or_(pc.is_null(states["last_fetched_at"]), fetched_early(states))
    over = pc.less_equal(states["over_at"], pa.scalar(now, _UTC))
    unfetched = in_states(states, (State.NOT_REQUESTED, State.PROVISIONAL))
    late = pc.less(states["last_fetched_at"], pa.scalar(now - built_within, _UTC))
    unbuilt = pc.and_(in_states(states, (State.NOT_BUILT,)), late)
    overdue = pc.or_(pc.and_(unfetched, pc.and_(over, never)), pc.fill_null(unbuilt, False))
    return _with_reasons(states.filter(pc.or_(in_states(states, UNSUCCESSFUL), overdue)))


def in_states(states: pa.Table, wanted: Iterable[State]) -> pa.ChunkedArray:
    """Return whether each day is in one of some states."""
    return pc.is_in(states["state"], pa.array(sorted(map(str, wanted))))


def fetched_early(states: pa.Table) -> pa.ChunkedArray:
    """Return whether each day was last fetched before it was over."""
    return pc.fill_null(pc.less(states["last_fetched_at"], states["over_at"]), False)


def between(
    states: pa.Table, first: date, last: date, device_ids: Sequence[str] | None = None
) -> pa.ChunkedArray:
    """Return whether each day is within a range, both ends included, and of one of the devices."""
    days = states["request_date"]
    inside = pc.and_(pc.greater_equal(days, first), pc.less_equal(days, last))
    if device_ids is None:
        return inside
    return pc.and_(inside, pc.is_in(states["device_id"], pa.array(device_ids, pa.string())))


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive missing days of one device.

    Attributes:
        first: First day.
        last: Last day.
        state: State of the days.
        reason: Why they are in this state.
        last_error_at: Time of the newest failure of the newest day.
        error_count: Failed requests of the day with the most failures.
    """

    first: date
    last: date
    state: State
    reason: str = ""
    last_error_at: datetime | None = None
    error_count: int = 0

    @property
    def is_unsuccessful(self) -> bool:
        """Whether the days were requested without success, not only left out."""
        return self.state in UNSUCCESSFUL


def add_gaps(gaps: dict[str, list[Gap]], missing: pa.Table) -> None:
    """Add missing days to the gaps of each device, newest first; a gap has one state and reason.

    Args:
        gaps: Gaps by device, so far of newer days only.
        missing: Missing days, such as those of one month.
    """
    ordered = missing.select(_GAP_COLUMNS).sort_by(
        [("device_id", "ascending"), ("request_date", "descending")]
    )
    begins = np.ones(ordered.num_rows, dtype=bool)
    days = np.asarray(ordered["request_date"]).astype("M8[D]").astype(np.int64)
    begins[1:] = days[:-1] - days[1:] != 1
    for name in ("device_id", "state", "reason"):
        codes = np.asarray(ordered[name].combine_chunks().dictionary_encode().indices)
        begins[1:] |= codes[:-1] != codes[1:]
    starts = np.flatnonzero(begins)
    if len(starts) == 0:
        return
    errors = np.maximum.reduceat(np.asarray(ordered["error_count"]), starts).tolist()
    oldest = ordered["request_date"].take(np.append(starts[1:], len(days)) - 1).to_pylist()
    for newest, first, error_count in zip(
        ordered.take(starts).to_pylist(), oldest, errors, strict=True
    ):
        gap = Gap(
            first,
            newest["request_date"],
            State(newest["state"]),
            newest["reason"],
            newest["last_error_at"],
            error_count,
        )
        held = gaps.setdefault(newest["device_id"], [])
        if held and _follows(held[-1], gap) and _is_alike(held[-1], gap):
            error_count = max(held[-1].error_count, gap.error_count)
            held[-1] = replace(held[-1], first=gap.first, error_count=error_count)
        else:
            held.append(gap)


def joined_gaps(gaps: Sequence[Gap]) -> list[Gap]:
    """Join the gaps of a device that follow each other, whatever their states, oldest first.

    A joined gap has the state and reason of the newest unsuccessful part, if any.
    """
    joined: list[Gap] = []
    for gap in gaps:
        if joined and _follows(joined[-1], gap):
            newer = joined[-1]
            shown = gap if gap.is_unsuccessful and not newer.is_unsuccessful else newer
            joined[-1] = replace(shown, first=gap.first, last=newer.last)
        else:
            joined.append(gap)
    return joined[::-1]


def _follows(newer: Gap, older: Gap) -> bool:
    return newer.first - older.last == _DAY


def _is_alike(one: Gap, other: Gap) -> bool:
    return (one.state, one.reason) == (other.state, other.reason)


def _with_reasons(missing: pa.Table) -> pa.Table:
    failed = in_states(missing, (State.FAILED, State.FORBIDDEN))
    reason = pc.if_else(
        failed, pc.coalesce(missing["last_error"], missing["reason"]), missing["reason"]
    )
    place = missing.schema.get_field_index("reason")
    return missing.set_column(place, "reason", pc.fill_null(reason, ""))
