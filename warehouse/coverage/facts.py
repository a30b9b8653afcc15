"""What the archive says about each device and day, folded from the index of requests.

A fact holds what the state follows from, so that new requests are folded into it without looking
at the old ones again, in whatever order they come. A cache, by month of the day asked for.
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

from warehouse import ledger, requests
from warehouse.errors import DamagedError
from warehouse.files import explained
from warehouse.lake import Lake
from warehouse.tables.files import read as read_file
from warehouse.units import Change, Manifest

FOLDER = "index/coverage"
UNIT = "coverage"
# An empty day is believed once a second answer, so much later, says the same.
CONFIRM_US = 24 * 3600 * 1_000_000
_DAY_US = 24 * 3600 * 1_000_000
_DENIED = (401, 402, 403)
_GONE = 404
_NONE = np.iinfo(np.int64).min
_UTC = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class CoverageRule:
    """How long after its end a day of a dataset can still change.

    Attributes:
        dataset: The dataset.
        lateness_days: Days after the end of a day until its data are final.
    """

    dataset: str
    lateness_days: int


class State(StrEnum):
    """What is known of a device's day."""

    COMPLETE = "complete"
    PROVISIONAL = "provisional"
    EMPTY = "empty"
    PARTIAL = "partial"
    FAILED = "failed"
    DENIED = "denied"
    GONE = "gone"
    NEVER_ASKED = "never_asked"


# Newest response of a kind -> the columns that come from it.
_NEWEST = {
    "complete_id": ("complete_at",),
    "rows_id": ("rows",),
    "partial_id": (),
    "error_id": ("last_error_at", "last_error_status", "last_error"),
}
_LEAST = ("first_final_empty_at",)
_GREATEST = ("over_at", "final_from", "final_at", "last_final_empty_at")
_SUMS = ("request_count", "error_count")
_KEYS = ("dataset", "device_id", "request_date")


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


_FOLDED_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset"),
        _field("device_id", pa.string(), "Device asked"),
        _field("request_date", pa.date32(), "Day asked for"),
        _field("over_at", _UTC, "When the day had ended, in its zone and in UTC"),
        _field("final_from", _UTC, "From when an answer is final"),
        _field("complete_id", pa.int64(), "Newest response that held the whole list"),
        _field("complete_at", _UTC, "When it was fetched"),
        _field("final_at", _UTC, "When a final whole list was last fetched"),
        _field("rows_id", pa.int64(), "Newest whole list that was not empty"),
        _field("rows", pa.int64(), "Its rows"),
        _field("first_final_empty_at", _UTC, "First final answer that was empty"),
        _field("last_final_empty_at", _UTC, "Last final answer that was empty"),
        _field("partial_id", pa.int64(), "Newest answer that was not the whole list"),
        _field("error_id", pa.int64(), "Newest failure"),
        _field("last_error_at", _UTC, "When it failed"),
        _field("last_error_status", pa.int16(), "HTTP status of it"),
        _field("last_error", pa.string(), "What it said"),
        _field("request_count", pa.int64(), "Answers and failures in the archive"),
        _field("error_count", pa.int64(), "Failures in the archive"),
    ]
)
FACTS_SCHEMA = (
    _FOLDED_SCHEMA.append(_field("state", pa.string(), "What is known of the day"))
    .append(_field("reason", pa.string(), "Why"))
    .append(_field("due_from", _UTC, "From when it is to be fetched again; null: it is not"))
)


def refresh_coverage(lake: Lake, rules: Sequence[CoverageRule]) -> tuple[Manifest, list[str]]:
    """Bring the facts up to the newest segment.

    Args:
        lake: The data folder.
        rules: Lateness by dataset; a dataset without a rule has none. Facts of before a rule
            changed are made again.

    Returns:
        The manifest of the facts, and a sentence for each damage that was met.

    Raises:
        StoreError: the disk is full or not writable.
    """
    index, damage = requests.refresh(lake)
    unit = lake.unit(UNIT)
    with unit.lock(), explained("Folding coverage in", lake.folder):
        manifest = unit.manifest()
        if manifest is not None and (found := unit.findings(manifest)):
            damage.append(f"{found[0]}: coverage is made again from the index of requests")
            manifest = None
        lateness = {rule.dataset: rule.lateness_days for rule in rules}
        if manifest is not None:
            lateness = manifest.facts["lateness"] | lateness
        facts = {"generation": index.facts["generation"], "lateness": lateness}
        if manifest is not None and (
            manifest.facts != facts or manifest.watermark > index.watermark
        ):
            manifest = None
        if manifest is not None and manifest.watermark == index.watermark:
            return manifest, damage
        start = manifest or Manifest()
        change = unit.begin()
        for path in (lake.folder / FOLDER).glob("[!_]*.parquet"):
            name = str(path.relative_to(lake.folder))
            if name not in start.files:
                change.remove(name)
        for rows in requests.added_since(lake, index, start.watermark):
            _fold_part(lake, change, start, rows, lateness)
        return change.commit(Manifest(index.watermark, facts, start.files)), damage


def month_file(month: str) -> str:
    """Return the name of the file with the facts of a month (``YYYY-MM``)."""
    return f"{FOLDER}/month={month}.parquet"


def _fold_part(
    lake: Lake, change: Change, start: Manifest, rows: pa.Table, lateness: dict[str, int]
) -> None:
    rows = _fetches(rows.filter(pc.is_valid(rows["request_date"])))
    if rows.num_rows == 0:
        return
    facts = _facts_of(rows, lateness)
    days = np.asarray(facts["request_date"].combine_chunks())
    months = days.astype("M8[M]")
    for month in np.unique(months):
        name = month_file(str(month))
        path = change.staged.get(name)
        if path is None and name in start.files:
            path = lake.folder / name
        try:
            stored = read_file(path, FACTS_SCHEMA).select(_FOLDED_SCHEMA.names)
        except DamagedError:
            lake.unit(UNIT).forget_manifest()
            raise
        fresh = facts.filter(pa.array(months == month))
        folded = with_states(fold(pa.concat_tables([stored.cast(_FOLDED_SCHEMA), fresh])))
        if name in change.removes:
            change.removes.remove(name)
        target = change.path_for(name)
        ledger.write_book(target, folded)
        change.add(name, target, folded.num_rows)


def _fetches(rows: pa.Table) -> pa.Table:
    """Make one row of the pages of a fetch."""
    if rows.num_rows == 0 or pc.max(rows["page_count"]).as_py() <= 1:
        return rows
    pages = rows.group_by("fetch_id", use_threads=False).aggregate(
        [("rows", "sum"), ("complete", "all"), ("response_id", "max"), ("fetched_at", "max")]
    )
    firsts = rows.group_by("fetch_id", use_threads=False).aggregate(
        [(name, "first") for name in rows.column_names if name not in _FOLDED_PAGES]
    )
    whole = firsts.rename_columns([name.removesuffix("_first") for name in firsts.column_names])
    for name, how in _FOLDED_PAGES.items():
        if name != "fetch_id":
            whole = whole.append_column(rows.schema.field(name), pages[f"{name}_{how}"])
    return whole.select(rows.column_names).cast(rows.schema)


_FOLDED_PAGES = {
    "fetch_id": "",
    "rows": "sum",
    "complete": "all",
    "response_id": "max",
    "fetched_at": "max",
}


def _facts_of(rows: pa.Table, lateness: dict[str, int]) -> pa.Table:
    """Write each fetch as a fact of its own, to be folded with the others of its day."""
    over = _over_us(rows["request_date"].to_pylist(), rows["request_zone"].to_pylist())
    late = np.array([lateness.get(name, 0) for name in rows["dataset"].to_pylist()])
    final_from = over + late * _DAY_US
    at = np.asarray(rows["fetched_at"].combine_chunks().cast(pa.int64()))
    ok = np.asarray(pc.equal(rows["outcome"], "ok"))
    whole = ok & np.asarray(rows["complete"])
    empty = np.asarray(pc.fill_null(pc.equal(rows["rows"], 0), False))
    final = whole & (at >= final_from)
    response = np.asarray(rows["response_id"].combine_chunks())
    said = pc.coalesce(rows["message"], rows["error_kind"])

    def where(mask: np.ndarray, values: object) -> pa.Array:
        return pc.if_else(pa.array(mask), values, pa.scalar(None, values.type))  # type: ignore[attr-defined]

    times = pa.array(at, _UTC)
    ids = pa.array(response)
    columns = {
        "dataset": rows["dataset"],
        "device_id": rows["device_id"],
        "request_date": rows["request_date"],
        "over_at": pa.array(over, _UTC),
        "final_from": pa.array(final_from, _UTC),
        "complete_id": where(whole, ids),
        "complete_at": where(whole, times),
        "final_at": where(final, times),
        "rows_id": where(whole & ~empty, ids),
        "rows": where(whole & ~empty, rows["rows"].combine_chunks()),
        "first_final_empty_at": where(final & empty, times),
        "last_final_empty_at": where(final & empty, times),
        "partial_id": where(ok & ~whole, ids),
        "error_id": where(~ok, ids),
        "last_error_at": where(~ok, times),
        "last_error_status": where(~ok, rows["status"].combine_chunks()),
        "last_error": where(~ok, said.combine_chunks()),
        "request_count": pa.array(np.ones(len(at), dtype=np.int64)),
        "error_count": pa.array((~ok).astype(np.int64)),
    }
    return pa.table(columns).cast(_FOLDED_SCHEMA)


def _over_us(days: list[date], zones: list[str | None]) -> np.ndarray:
    """Return when each day had ended, in its zone and in UTC (microseconds since 1970)."""
    known: dict[tuple[date, str | None], int] = {}
    for pair in zip(days, zones, strict=True):
        if pair not in known:
            known[pair] = day_over_us(*pair)
    return np.array([known[pair] for pair in zip(days, zones, strict=True)], dtype=np.int64)


def day_over_us(day: date, zone: str | None) -> int:
    """Return when ``day`` has ended both in ``zone`` and in UTC (microseconds since 1970)."""
    midnight = datetime.combine(day + timedelta(days=1), time())
    ends = [midnight.replace(tzinfo=UTC)]
    if zone:
        ends.append(midnight.replace(tzinfo=ZoneInfo(zone)))
    return int(max(ends, key=datetime.timestamp).timestamp()) * 1_000_000


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
            columns[name] = pa.array(best, _UTC, mask=best == least)
    for name in _SUMS:
        columns[name] = np.bincount(group, _filled(facts[name], 0), count).astype(np.int64)
    return pa.table({name: columns[name] for name in _FOLDED_SCHEMA.names}).cast(_FOLDED_SCHEMA)


def _codes(column: pa.ChunkedArray) -> pa.Array:
    """Return integers in the order of the values."""
    if pa.types.is_date32(column.type):
        return column.combine_chunks().cast(pa.int32())
    return pc.rank(column, sort_keys="ascending", tiebreaker="dense")


def _filled(column: pa.ChunkedArray, value: int) -> np.ndarray:
    return np.asarray(pc.fill_null(column.combine_chunks().cast(pa.int64()), value))


def with_states(facts: pa.Table) -> pa.Table:
    """Add what follows from folded facts: the state, why, and from when a fetch is due."""
    value = {
        name: _filled(facts[name], _NONE)
        for name in (*_NEWEST, *_GREATEST, *_LEAST, "last_error_at", "last_error_status")
    }
    has = {name: values != _NONE for name, values in value.items()}
    status = value["last_error_status"]
    denied = np.isin(status, _DENIED)
    refused = denied | (status == _GONE)
    refused_since = refused & (value["error_id"] > value["complete_id"])
    complete = has["complete_id"]
    confirmed = has["first_final_empty_at"] & (
        value["last_final_empty_at"] - value["first_final_empty_at"] >= CONFIRM_US
    )
    partial = value["partial_id"] > value["error_id"]
    once_empty = complete & ~has["rows_id"] & has["final_at"]
    lost = has["rows_id"] & (value["complete_id"] > value["rows_id"])
    # (condition, state, reason, due from), first match wins
    cases: Iterable[tuple[np.ndarray, State, str, np.ndarray | None]] = [
        (has["rows_id"] & has["final_at"] & lost, State.COMPLETE,
         "an earlier answer had rows, the newest was empty", None),
        (has["rows_id"] & has["final_at"], State.COMPLETE, "fetched when final", None),
        (once_empty & confirmed, State.EMPTY, "empty, confirmed a day later", None),
        (complete & refused_since, State.PROVISIONAL, "not final, then refused", None),
        (once_empty, State.PROVISIONAL, "empty, to be confirmed",
         value["first_final_empty_at"] + CONFIRM_US),
        (complete, State.PROVISIONAL, "fetched before it was final", value["final_from"]),
        (partial, State.PARTIAL, "the list came incomplete", np.zeros(len(status))),
        (denied, State.DENIED, "access was refused", None),
        (refused, State.GONE, "the device is not known any more", None),
        (np.ones(len(status), dtype=bool), State.FAILED, "the newest request failed",
         np.zeros(len(status))),
    ]  # fmt: skip
    conditions, states, reasons, due = zip(*cases, strict=True)
    case = np.select(conditions, range(len(conditions)))
    due_from = np.choose(case, [np.full(len(case), _NONE) if at is None else at for at in due])
    return (
        facts.append_column(FACTS_SCHEMA.field("state"), _named(case, [str(s) for s in states]))
        .append_column(FACTS_SCHEMA.field("reason"), _named(case, list(reasons)))
        .append_column(
            FACTS_SCHEMA.field("due_from"),
            pa.array(due_from.astype(np.int64), _UTC, mask=due_from == _NONE),
        )
    )


def _named(codes: np.ndarray, names: list[str]) -> pa.Array:
    return pa.array(names).take(pa.array(codes))
