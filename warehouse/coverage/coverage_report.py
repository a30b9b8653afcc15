"""Coverage as tables: the state of each expected day, from the facts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.coverage.coverage_fact import (
    FACTS_SCHEMA,
    FAILED_REASON,
    FETCHED,
    GONE_REASON,
    NOT_BUILT_REASON,
    NOT_REQUESTED_REASON,
    NOT_WHOLE_REASON,
    SILENT_REASON,
    CoverageRule,
    State,
    days_over_us,
)
from warehouse.coverage.day_evidence import evidence, refresh_evidence
from warehouse.coverage.fact_store import FILE_SET_NAME, month_file, not_found, refresh_coverage
from warehouse.coverage.looks import NEVER, SILENT, WHOLE, is_final, is_one_of, look_again
from warehouse.errors import DamagedError
from warehouse.index.watermarks import Watermark, watermarks
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.storage.parquet_files import read_errors_as_damage
from warehouse.storage.transaction import Manifest

_LOG = logging.getLogger(__name__)
_UTC = pa.timestamp("us", tz="UTC")
_DAY_US = 24 * 3600 * 1_000_000
_WORD = pa.dictionary(pa.int32(), pa.string())
COVERAGE_SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("device_id", pa.string()),
        ("request_date", pa.date32()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("rows", pa.int64()),
        ("last_fetched_at", _UTC),
        ("last_error", pa.string()),
        ("last_error_status", pa.int16()),
        ("last_error_at", _UTC),
        ("error_count", pa.int64()),
        ("over_at", _UTC),
        ("due", pa.bool_()),
        ("due_at", _UTC),
        ("is_silent", pa.bool_()),
        ("other_final_at", _UTC),
    ]
)
_FROM_FACTS = {
    "state": "state",
    "reason": "reason",
    "rows": "rows",
    "complete_at": "last_fetched_at",
    "last_error": "last_error",
    "last_error_status": "last_error_status",
    "last_error_at": "last_error_at",
    "error_count": "error_count",
    "due_at": "due_at",
    "other_final_at": "other_final_at",
}
# What replaces the state and the reason of the facts.
_STATES = (
    State.NOT_REQUESTED,
    State.GONE,
    State.FAILED,
    State.NOT_BUILT,
    State.PROVISIONAL,
    State.PROVISIONAL,
)
_REASONS = (
    NOT_REQUESTED_REASON,
    GONE_REASON,
    FAILED_REASON,
    NOT_BUILT_REASON,
    NOT_WHOLE_REASON,
    SILENT_REASON,
)
_WORDS = ["dataset", "device_id", "state", "reason", "last_error"]


def coverage_by_month(
    lake: Lake,
    rules: Sequence[CoverageRule],
    expected: pa.Table,
    start: date,
    end: date,
    *,
    now: datetime | None = None,
) -> Iterator[pa.Table]:
    """Yield the state of every expected day: a table for each month and dataset, newest first.

    Args:
        lake: The data folder.
        rules: The datasets, with their lateness.
        expected: As `Lake.expect` takes it.
        start: First day.
        end: Last day, inclusive.
        now: The moment to judge by; None for the clock's.

    Yields:
        `COVERAGE_SCHEMA`, by device and day. `over_at`: when the day has ended in its zone and in
        UTC. `due`: a fetch now may change the state. Days whose newest answer is archived and not
        yet in the tables are `not_built`. `is_silent`: it had no rows and the device was last in
        contact more than a day before. `other_final_at`: when another API was last asked for the
        day after it was final. Days that have not begun are `not_requested` and not due.
        Days that were not requested of a device whose newest answer is 404, for the second time
        at least an hour after the first, are `gone` and not due either, unless it has been in
        contact since: those that were requested are requested again daily.

    Raises:
        StoreError: The disk is full or not writable.
    """
    moment = now or datetime.now(UTC)
    manifest, _ = refresh_coverage(lake, rules)
    refresh_evidence(lake, rules, moment)
    try:
        refused = not_found(lake, manifest)
    except DamagedError as damage:
        manifest = _recompute_facts(lake, rules, damage)
        refused = not_found(lake, manifest)
    in_range = expected.select(EXPECTED_SCHEMA.names).cast(EXPECTED_SCHEMA)
    in_range = in_range.filter(
        pc.is_in(in_range["dataset"], pa.array([rule.dataset for rule in rules]))
    )
    by_dataset = []
    for dataset, built in watermarks(lake, sorted(set(in_range["dataset"].to_pylist()))).items():
        devices = in_range.filter(pc.equal(in_range["dataset"], dataset))
        gone = _gone(dataset, devices, refused)
        by_dataset.append((dataset, devices, gone, evidence(lake, dataset), built))
    for first, last in reversed(list(_months(start, end))):
        for dataset, devices, gone, not_whole, built in by_dataset:
            try:
                part = _month(
                    lake, manifest, dataset, devices, gone, not_whole, built, first, last, moment
                )
            except DamagedError as damage:
                manifest = _recompute_facts(lake, rules, damage)
                part = _month(
                    lake, manifest, dataset, devices, gone, not_whole, built, first, last, moment
                )
            yield part


def _recompute_facts(lake: Lake, rules: Sequence[CoverageRule], damage: DamagedError) -> Manifest:
    """Recompute facts that turn out to be damaged although their manifest matches."""
    _LOG.warning(str(damage))
    file_set = lake.writable_index(FILE_SET_NAME)
    with file_set.lock():
        file_set.forget_manifest()
    return refresh_coverage(lake, rules)[0]


def _gone(dataset: str, devices: pa.Table, refused: dict[tuple[str, str], datetime]) -> np.ndarray:
    """Return the devices unknown when last requested and not in contact since."""
    gone = np.zeros(devices.num_rows, dtype=bool)
    names, contacts = (devices[name].to_pylist() for name in ("device_id", "last_contact_at"))
    for at, (name, contact) in enumerate(zip(names, contacts, strict=True)):
        refused_at = refused.get((dataset, name))
        gone[at] = refused_at is not None and (contact is None or contact < refused_at)
    return gone


def _months(start: date, end: date) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    """Yield the first and last day of the part of each month that lies in the range."""
    low, high = np.datetime64(start), np.datetime64(end)
    if low > high:
        return
    for month in np.arange(low.astype("M8[M]"), high.astype("M8[M]") + 1):
        last = (month + 1).astype("M8[D]") - 1
        yield max(low, month.astype("M8[D]")), min(high, last)


def _month(
    lake: Lake,
    manifest: Manifest,
    dataset: str,
    devices: pa.Table,
    gone: np.ndarray,
    not_whole: pa.Table,
    built: Watermark,
    first: np.datetime64,
    last: np.datetime64,
    now: datetime,
) -> pa.Table:
    days = int((last - first).astype(int)) + 1
    facts = _facts(lake, manifest, dataset, str(first.astype("M8[M]")))
    # The last is for days that were not requested, whose row is -1.
    pending = np.append(built.excludes(_filled(facts["answer_segment"], 0)), False)
    # A device can have several ranges of days: each is a row of `devices`.
    ids = devices["device_id"].combine_chunks().dictionary_encode()
    # The row of the facts for each device (row) and day (column); -1 if not requested.
    source = _rows_by_day(facts, ids.dictionary, first, days)
    grid = first + np.arange(days)
    from_date = np.asarray(devices["first_date"]).astype("M8[D]")
    to_date = np.asarray(pc.fill_null(devices["last_date"], date.max)).astype("M8[D]")
    in_range = (grid >= from_date[:, None]) & (grid <= to_date[:, None])
    at_device, at_day = np.nonzero(in_range)
    at_id = np.asarray(ids.indices)[at_device]
    source = source[at_id, at_day]
    continued_at = _continued_at(not_whole, ids.dictionary, first, days)[at_id, at_day]
    index = pa.array(source, mask=source < 0)
    columns = {
        name: facts[column].combine_chunks().take(index) for column, name in _FROM_FACTS.items()
    }
    requested = source >= 0
    zones = devices["zone"].combine_chunks().dictionary_encode(null_encoding="encode")
    zone_names, at_zone = zones.dictionary.to_pylist(), np.asarray(zones.indices)[at_device]
    over_at = days_over_us(grid.tolist(), zone_names)
    columns["over_at"] = pa.array(over_at[at_zone, at_day], _UTC)
    today = np.array([_today(zone, now) for zone in zone_names], dtype="M8[D]")
    begun = grid[at_day] <= today[at_zone]
    gone = gone[at_device]
    # What a device that is there did not know is a failure of that one day.
    state = columns["state"]
    as_gone = pc.index(state.dictionary, str(State.GONE)).as_py()
    unknown = ~gone & requested & (as_gone >= 0) & (_filled(state.indices, -1) == as_gone)
    due_at = np.where(unknown, 0, _filled(columns["due_at"].cast(pa.int64()), NEVER))
    final = is_final(state, columns["reason"])
    looked_at = _filled(columns["last_fetched_at"], NEVER)
    # A device that has been out of contact since can have more to send than nothing.
    no_rows = requested & np.asarray(pc.is_null(columns["rows"]))
    contact_at = _filled(devices["last_contact_at"].cast(pa.int64()), NEVER)[at_device]
    over_at = over_at[at_zone, at_day]
    away = contact_at < over_at
    continued_at = np.where(away & no_rows & (continued_at == WHOLE), SILENT, continued_at)
    # One that has been in contact since, without data, is not waited for.
    continued_at = np.where(final & ~away & (continued_at == SILENT), over_at, continued_at)
    fetched = is_one_of(state, FETCHED)
    incomplete, silent, due_at = look_again(
        fetched, final, over_at, looked_at, continued_at, due_at, now
    )
    columns["due_at"] = pa.array(due_at, _UTC, mask=due_at == NEVER)
    columns["due"] = pa.array(
        np.where(requested, due_at <= int(now.timestamp() * 1_000_000), ~gone) & begun
    )
    not_built = (fetched | is_one_of(state, [State.UNPROVEN])) & pending[source]
    replacement = np.select(
        [unknown, not_built, incomplete, silent, requested], [2, 3, 4, 5, -1], gone
    )
    columns["state"] = _replace_words(state, replacement, _STATES)
    columns["reason"] = _replace_words(
        columns["reason"],
        replacement,
        _REASONS,
    )
    columns["is_silent"] = pa.array(no_rows & (contact_at < over_at - 2 * _DAY_US))
    columns["error_count"] = pc.fill_null(columns["error_count"], 0)
    words = pa.array(at_device.astype(np.int32))
    columns["device_id"] = pa.DictionaryArray.from_arrays(
        words, devices["device_id"].combine_chunks()
    )
    columns["dataset"] = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(len(at_device), dtype=np.int32)), pa.array([dataset])
    )
    columns["request_date"] = pa.array(grid[at_day])
    return pa.table({name: columns[name] for name in COVERAGE_SCHEMA.names}).cast(COVERAGE_SCHEMA)


def _rows_by_day(rows: pa.Table, devices: pa.Array, first: np.datetime64, days: int) -> np.ndarray:
    """Return the number of the row of each device (row) and day (column); -1 if there is none."""
    source = np.full((len(devices), days), -1, dtype=np.int64)
    device = _filled(pc.index_in(rows["device_id"].cast(pa.string()), devices), -1)
    day = (np.asarray(rows["request_date"]).astype("M8[D]") - first).astype(int)
    inside = np.flatnonzero((device >= 0) & (day >= 0) & (day < days))
    source[device[inside], day[inside]] = inside
    return source


def _continued_at(
    not_whole: pa.Table, devices: pa.Array, first: np.datetime64, days: int
) -> np.ndarray:
    """Return when the data of each device and day were known to continue, for `look_again`."""
    row = _rows_by_day(not_whole, devices, first, days)
    continued = np.append(_filled(not_whole["continued_at"].cast(pa.int64()), SILENT), WHOLE)
    result: np.ndarray = continued[row]
    return result


def _facts(lake: Lake, manifest: Manifest, dataset: str, month: str) -> pa.Table:
    name = month_file(month)
    columns = ["dataset", "device_id", "request_date", "answer_segment", *_FROM_FACTS]
    if name not in manifest.files:
        empty = {column: pa.array([], _kind(column)) for column in columns}
        return pa.table(empty)
    path = lake.file_set(FILE_SET_NAME).folder / name
    with (
        read_errors_as_damage(path),
        pq.ParquetFile(path, read_dictionary=_WORDS, page_checksum_verification=True) as parquet,
    ):
        rows = parquet.read(columns=columns).unify_dictionaries().combine_chunks()
    return rows.filter(pc.equal(rows["dataset"].cast(pa.string()), dataset))


def _kind(column: str) -> pa.DataType:
    return _WORD if column in _WORDS else FACTS_SCHEMA.field(column).type


def _replace_words(
    words: pa.DictionaryArray, replacement: np.ndarray, others: Sequence[str]
) -> pa.Array:
    """Replace words of the facts by others: -1 keeps the word, other numbers index `others`."""
    names = pa.concat_arrays([words.dictionary, pa.array([str(other) for other in others])])
    codes = np.where(
        replacement < 0, _filled(words.indices, 0), len(words.dictionary) + replacement
    )
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), names)


def _filled(array: pa.Array | pa.ChunkedArray, value: int) -> np.ndarray:
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return np.asarray(pc.fill_null(array.cast(pa.int64()), value))


def _today(zone: str | None, now: datetime) -> date:
    """Return the latest day that has begun, in the zone or in UTC."""
    local = now.astimezone(ZoneInfo(zone)) if zone else now
    return max(local.date(), now.astimezone(UTC).date())
