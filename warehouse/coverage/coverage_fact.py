"""The coverage fact of a device's day, how facts fold, and the state that follows from them.

Pure functions on tables. `fact_store` computes and stores the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.storage.arrow_fields import arrow_field

# An empty day is confirmed by a second empty response after this time.
CONFIRM_US = 24 * 3600 * 1_000_000
# When a day that is not whole is looked at again, after its end.
LOOKS = tuple(timedelta(days=days) for days in (2, 4, 8, 16, 32))
# A device is gone after a second 404 this long after the first.
GONE_CONFIRM_US = 3600 * 1_000_000
# A day of it is requested again after this time; a little less than a day.
_GONE_LOOK_US = 20 * 3600 * 1_000_000
# Kinds of errors whose status is not the API's own answer.
FOREIGN_KINDS = ("foreign", "proxy", "redirect")
_FORBIDDEN = (401, 402, 403)
GONE = 404
NOT_REQUESTED_REASON = "not requested"
NOT_BUILT_REASON = "archived, not built into the tables yet"
GONE_REASON = "the API no longer knows the device"
FAILED_REASON = "the newest request failed"
TO_CONFIRM_REASON = "empty, to be confirmed"
NOT_WHOLE_REASON = "data are missing although counters grew"
SILENT_REASON = "the device has sent nothing since"
UNPROVEN_REASON = "from another source than the API, not proven"
_INCOMPLETE_REASON = "the list is incomplete"
_NONE = np.iinfo(np.int64).min
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class CoverageRule:
    """How long after its end a day of a dataset can still change.

    Attributes:
        dataset: The dataset.
        lateness_days: Days after the end of a day until its data are final, if they are whole.
        evidence_sql: Query on the catalogue for days whose data are not whole: `device_id`,
            `request_date`, `continued_at` (`day_evidence`); "" if nothing in the tables shows it.
            Parameters: `since` and `today` (days), `parts` and `part` (of the devices' hashes).
    """

    dataset: str
    lateness_days: int
    evidence_sql: str = ""


class State(StrEnum):
    """The state of a device's day."""

    COMPLETE = "complete"
    PROVISIONAL = "provisional"
    EMPTY = "empty"
    NOT_BUILT = "not_built"
    UNPROVEN = "unproven"
    PARTIAL = "partial"
    FAILED = "failed"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    NOT_REQUESTED = "not_requested"


# States of days that are in the tables, as far as the API has them.
FETCHED = (State.COMPLETE, State.PROVISIONAL, State.EMPTY)
# States that need no action: the data are complete, absent from the API, or not final yet.
SETTLED = frozenset({*FETCHED, State.GONE})
# States of days that were requested without success.
UNSUCCESSFUL = frozenset({State.FAILED, State.FORBIDDEN, State.PARTIAL})
# Newest response of a kind -> the columns that come from it.
_NEWEST = {
    "complete_id": ("complete_at",),
    "rows_id": ("rows",),
    "partial_id": ("lack",),
    "unproven_id": ("unproven_reason",),
    "error_id": ("last_error_at", "last_error_status", "last_error"),
}
_LEAST = ("first_final_empty_at", "first_not_found_at")
_GREATEST = (
    "over_at",
    "becomes_final_at",
    "final_at",
    "last_final_empty_at",
    "answer_segment",
    "other_final_at",
    "unproven_at",
)
_SUMS = ("request_count", "error_count")
_KEYS = ("dataset", "device_id", "request_date")


FOLDED_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset"),
        arrow_field("device_id", pa.string(), "Device requested"),
        arrow_field("request_date", pa.date32(), "Day requested"),
        arrow_field("over_at", _UTC, "When the day had ended, in its zone and in UTC"),
        arrow_field("becomes_final_at", _UTC, "From when a response is final"),
        arrow_field("complete_id", pa.int64(), "Newest complete response"),
        arrow_field("complete_at", _UTC, "When it was fetched"),
        arrow_field("final_at", _UTC, "When a final complete response was last fetched"),
        arrow_field("rows_id", pa.int64(), "Newest complete response with rows"),
        arrow_field("rows", pa.int64(), "Its rows"),
        arrow_field(
            "first_final_empty_at", _UTC, "When the first final empty response was fetched"
        ),
        arrow_field("last_final_empty_at", _UTC, "When the last final empty response was fetched"),
        arrow_field("partial_id", pa.int64(), "Newest incomplete response"),
        arrow_field("lack", pa.string(), "Why it is incomplete"),
        arrow_field(
            "unproven_id", pa.int64(), "Newest response of another source that has rows of the day"
        ),
        arrow_field("unproven_reason", pa.string(), "What is known of it"),
        arrow_field("unproven_at", _UTC, "When such a response was last fetched"),
        arrow_field(
            "other_final_at", _UTC, "When a response of another API was last fetched when final"
        ),
        arrow_field("error_id", pa.int64(), "Newest failure"),
        arrow_field("last_error_at", _UTC, "When it failed"),
        arrow_field("last_error_status", pa.int16(), "Its HTTP status, if the API itself answered"),
        arrow_field("last_error", pa.string(), "Its message"),
        arrow_field("first_not_found_at", _UTC, "When the API first answered 404"),
        arrow_field("answer_segment", pa.int64(), "Newest archive segment with a response"),
        arrow_field("request_count", pa.int64(), "Responses and failures in the archive"),
        arrow_field("error_count", pa.int64(), "Failures in the archive"),
    ]
)
FACTS_SCHEMA = (
    FOLDED_SCHEMA.append(arrow_field("state", pa.string(), "State of the day"))
    .append(arrow_field("reason", pa.string(), "Reason of the state"))
    .append(arrow_field("due_at", _UTC, "From when to fetch it again; null: never"))
)


def day_is_over_at(day: date, zone: str | None) -> datetime:
    """Return when a day has ended both in a time zone, if one is given, and in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time())
    ends = [midnight.replace(tzinfo=UTC)]
    if zone:
        ends.append(midnight.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
    return max(ends)


def days_over_us(days: Sequence[date], zones: Sequence[str | None]) -> np.ndarray:
    """Return when days are over, in microseconds since 1970: a row for each zone."""
    ends = [[day_is_over_at(day, zone).timestamp() for day in days] for zone in zones]
    return np.array(ends, dtype=np.int64).reshape(len(zones), len(days)) * 1_000_000


def fold(facts: pa.Table) -> pa.Table:
    """Fold facts of the same dataset, device and day into one; their order does not matter."""
    keys = [np.asarray(_codes(facts[name])) for name in _KEYS]
    order = np.lexsort(keys[::-1])
    sorted_keys = [key[order] for key in keys]
    changed = np.zeros(len(order), dtype=bool)
    changed[:1] = True
    for key in sorted_keys:
        changed[1:] |= key[1:] != key[:-1]
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(changed) - 1
    count = int(changed.sum())
    first = pa.array(order[changed])
    columns: dict[str, object] = {name: facts[name].take(first) for name in _KEYS}
    for name, companions in _NEWEST.items():
        ids = _filled(facts[name], _NONE)
        best = np.full(count, _NONE)
        np.maximum.at(best, group, ids)
        hit = np.flatnonzero((ids == best[group]) & (ids != _NONE))
        source = np.full(count, -1)
        source[group[hit]] = hit
        index = pa.array(source, mask=source < 0)
        for column in (name, *companions):
            columns[column] = facts[column].take(index)
    for names, least, function in (
        (_GREATEST, _NONE, np.maximum),
        (_LEAST, -_NONE - 1, np.minimum),
    ):
        for name in names:
            best = np.full(count, least)
            function.at(best, group, _filled(facts[name], least))
            kind = FOLDED_SCHEMA.field(name).type
            columns[name] = pa.array(best, kind, mask=best == least)
    for name in _SUMS:
        columns[name] = np.bincount(group, _filled(facts[name], 0), count).astype(np.int64)
    return pa.table({name: columns[name] for name in FOLDED_SCHEMA.names}).cast(FOLDED_SCHEMA)


def _codes(column: pa.ChunkedArray) -> pa.Array:
    """Return integers in the order of the values."""
    if pa.types.is_date32(column.type):
        return column.combine_chunks().cast(pa.int32())
    return pc.rank(column, sort_keys="ascending", tiebreaker="dense")


def _filled(column: pa.ChunkedArray, value: int) -> np.ndarray:
    return np.asarray(pc.fill_null(column.combine_chunks().cast(pa.int64()), value))


def with_states(facts: pa.Table) -> pa.Table:
    """Add to folded facts the state, its reason, and from when a fetch is due."""
    value = {
        name: _filled(facts[name], _NONE)
        for name in (
            *_NEWEST,
            *_GREATEST,
            *_LEAST,
            "last_error_at",
            "last_error_status",
            "complete_at",
        )
    }
    has = {name: values != _NONE for name, values in value.items()}
    status = value["last_error_status"]
    forbidden = np.isin(status, _FORBIDDEN)
    looked_at = value["last_error_at"]
    gone = (
        (status == GONE)
        & has["first_not_found_at"]
        & (looked_at - value["first_not_found_at"] >= GONE_CONFIRM_US)
    )
    failed_since = value["error_id"] > value["complete_id"]
    complete = has["complete_id"]
    confirmed = has["first_final_empty_at"] & (
        value["last_final_empty_at"] - value["first_final_empty_at"] >= CONFIRM_US
    )
    partial = value["partial_id"] > value["error_id"]
    unproven = has["unproven_id"]
    refused = forbidden | gone
    goes_on = (value["unproven_at"] > value["complete_at"]) & (
        value["complete_at"] < value["over_at"]
    )
    once_empty = complete & ~has["rows_id"] & has["final_at"]
    lost = has["rows_id"] & (value["complete_id"] > value["rows_id"])
    # (condition, state, reason, due from), first match wins
    cases: Iterable[tuple[np.ndarray, State, str, np.ndarray | None]] = [
        (has["rows_id"] & has["final_at"] & lost, State.COMPLETE,
         "an earlier response had rows; the newest is empty", None),
        (has["rows_id"] & has["final_at"], State.COMPLETE, "fetched when final", None),
        (unproven & once_empty & confirmed, State.UNPROVEN, UNPROVEN_REASON, None),
        (once_empty & confirmed, State.EMPTY, "empty, confirmed a day later", None),
        (unproven & gone & (failed_since | ~complete), State.UNPROVEN, UNPROVEN_REASON,
         looked_at + _GONE_LOOK_US),
        (unproven & (failed_since & refused | ~complete), State.UNPROVEN, UNPROVEN_REASON,
         np.zeros(len(status))),
        (unproven & goes_on, State.UNPROVEN, UNPROVEN_REASON, value["over_at"]),
        (complete & forbidden & failed_since, State.FORBIDDEN,
         "fetched before it was final; access was refused since", None),
        (complete & gone & failed_since, State.GONE, GONE_REASON, looked_at + _GONE_LOOK_US),
        (once_empty, State.PROVISIONAL, TO_CONFIRM_REASON,
         value["first_final_empty_at"] + CONFIRM_US),
        (complete, State.PROVISIONAL, "fetched before it was final", value["becomes_final_at"]),
        (partial, State.PARTIAL, _INCOMPLETE_REASON, np.zeros(len(status))),
        (forbidden, State.FORBIDDEN, "access was refused", None),
        (gone, State.GONE, GONE_REASON, looked_at + _GONE_LOOK_US),
        (~has["error_id"] & ~has["partial_id"], State.NOT_REQUESTED, NOT_REQUESTED_REASON,
         np.zeros(len(status))),
        (np.ones(len(status), dtype=bool), State.FAILED, FAILED_REASON,
         np.zeros(len(status))),
    ]  # fmt: skip
    conditions, states, reasons, due = zip(*cases, strict=True)
    case = np.select(conditions, range(len(conditions)))
    due_at = np.choose(case, [np.full(len(case), _NONE) if at is None else at for at in due])
    return (
        facts.append_column(FACTS_SCHEMA.field("state"), _named(case, [str(s) for s in states]))
        .append_column(FACTS_SCHEMA.field("reason"), _reasons(case, reasons, facts))
        .append_column(
            FACTS_SCHEMA.field("due_at"),
            pa.array(due_at.astype(np.int64), _UTC, mask=due_at == _NONE),
        )
    )


def _reasons(case: np.ndarray, reasons: Sequence[str], facts: pa.Table) -> pa.ChunkedArray:
    """Return the reason of each case; for a partial or unproven day what is known of it, if any."""
    named = _named(case, list(reasons))
    words = np.asarray(reasons)[case]
    for reason, known in ((_INCOMPLETE_REASON, "lack"), (UNPROVEN_REASON, "unproven_reason")):
        named = pc.if_else(pa.array(words == reason), pc.coalesce(facts[known], named), named)
    return named


def _named(codes: np.ndarray, names: list[str]) -> pa.Array:
    return pa.array(names).take(pa.array(codes))
