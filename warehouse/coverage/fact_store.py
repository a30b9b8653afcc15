"""The stored coverage facts of each device and day, computed from the index of requests.

A fact contains everything that determines the state, so new requests can be folded into it in any
order, without reading the old ones again. The files, one per month of the requested day, are a
cache.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.archive.entry import Rank, ranks_of
from warehouse.coverage.coverage_fact import (
    FACTS_SCHEMA,
    FOLDED_SCHEMA,
    FOREIGN_KINDS,
    GONE,
    GONE_CONFIRM_US,
    CoverageRule,
    days_over_us,
    fold,
    with_states,
)
from warehouse.coverage.daily_requests import COLUMNS, fetches_by_month
from warehouse.errors import DamagedError
from warehouse.index import request_index
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.parquet_files import empty_table, read_errors_as_damage
from warehouse.storage.parquet_files import read as read_file
from warehouse.storage.transaction import FileSet, Manifest, Transaction
from warehouse.zone_corrections import STATE_NAME as ZONE_CORRECTIONS
from warehouse.zone_corrections import Corrections, corrected_zones, stored_corrections

_LOG = logging.getLogger(__name__)
FOLDER = "index/coverage"
FILE_SET_NAME = "coverage"
# Raise it whenever the same requests would give other facts.
_VERSION = 8
_DAY_US = 24 * 3600 * 1_000_000
_UTC = pa.timestamp("us", tz="UTC")


def refresh_coverage(lake: Lake, rules: Sequence[CoverageRule]) -> tuple[Manifest, list[str]]:
    """Bring the facts up to date with the newest segment.

    Args:
        lake: The data folder.
        rules: Lateness by dataset; a dataset without a rule has none. Facts from before a
            rule change are recomputed.

    Returns:
        The manifest of the facts, and a message for each damage found.

    Raises:
        StoreError: The disk is full or not writable.
    """
    index, damage = request_index.refresh(lake)
    lateness = {rule.dataset: rule.lateness_days for rule in rules}
    file_set = lake.file_set(FILE_SET_NAME)
    manifest = file_set.manifest()
    if (
        manifest is not None
        and manifest.watermark == index.watermark
        and manifest.facts == _manifest_facts(lake, index, manifest, lateness)
        and not file_set.findings(manifest)
    ):
        return manifest, damage
    file_set = lake.writable_index(FILE_SET_NAME)
    with file_set.lock(), explained("Folding coverage in", lake.folder):
        manifest = file_set.manifest()
        if manifest is not None and (found := file_set.findings(manifest)):
            damage.append(f"{found[0]}: coverage is recomputed from the index of requests")
            if not lake.archive.read_only:
                _LOG.warning(damage[-1])
            manifest = None
        facts = _manifest_facts(lake, index, manifest, lateness)
        if manifest is not None and (
            manifest.facts != facts or manifest.watermark > index.watermark
        ):
            manifest = None
        if manifest is not None and manifest.watermark == index.watermark:
            return manifest, damage
        start = manifest or Manifest()
        transaction = file_set.begin()
        for path in (file_set.folder / FOLDER).glob("[!_]*.parquet"):
            name = str(path.relative_to(file_set.folder))
            if name not in start.files:
                transaction.remove(name)
        # The index may have grown since; its lock keeps its files unchanged while they are read.
        with lake.file_set(request_index.FILE_SET_NAME).lock():
            for rows in request_index.added(lake, start.watermark, index.watermark, COLUMNS):
                for month, fetches in fetches_by_month(rows):
                    facts_of_month = _facts_of(
                        fetches, facts["lateness"], facts.get(ZONE_CORRECTIONS, {})
                    )
                    _fold_month(file_set, transaction, start, month, facts_of_month)
        return transaction.commit(Manifest(index.watermark, facts, start.files)), damage


def _manifest_facts(
    lake: Lake, index: Manifest, manifest: Manifest | None, lateness: dict[str, int]
) -> dict[str, Any]:
    """Return what facts depend on besides the requests; if it changes, all are recomputed."""
    known = {} if manifest is None else manifest.facts["lateness"]
    corrections = stored_corrections(lake.state)
    return {
        "version": _VERSION,
        "generation": index.facts["generation"],
        "gaps": index.facts["gaps"],
        "lateness": known | lateness,
        **({ZONE_CORRECTIONS: corrections} if corrections else {}),
    }


def renew(lake: Lake) -> None:
    """Recompute facts that an older givlake has stored with other columns.

    Raises:
        StoreError: The disk is full or not writable.
    """
    manifest = lake.file_set(FILE_SET_NAME).manifest() or Manifest()
    if manifest.facts.get("version") != _VERSION and any((lake.folder / FOLDER).glob("month=*")):
        refresh_coverage(lake, [])


def month_file(month: str) -> str:
    """Return the name of the file with the facts of a month (`YYYY-MM`)."""
    return f"{FOLDER}/month={month}.parquet"


def _fold_month(
    file_set: FileSet, transaction: Transaction, start: Manifest, month: str, facts: pa.Table
) -> None:
    name = month_file(month)
    path = transaction.staged.get(name)
    if path is None and name in start.files:
        path = file_set.folder / name
    try:
        stored = read_file(path, FACTS_SCHEMA).select(FOLDED_SCHEMA.names)
    except DamagedError:
        file_set.forget_manifest()
        raise
    folded = with_states(fold(pa.concat_tables([stored.cast(FOLDED_SCHEMA), facts])))
    target = transaction.path_for(name)
    live_parquet.write_table(target, folded, transaction.live(name))
    transaction.add(name, target, folded.num_rows)


def _facts_of(rows: pa.Table, lateness: dict[str, int], corrections: Corrections) -> pa.Table:
    """Return each fetch and day as a separate fact, to be folded with others of the day.

    The failures of other sources than the API are left out.
    """
    rank = ranks_of(np.asarray(rows["response_id"].combine_chunks()))
    counts = (rank == Rank.API) | np.asarray(pc.equal(rows["outcome"], "ok"))
    rows, rank = rows.filter(pa.array(counts)), rank[counts]
    if rows.num_rows == 0:
        return FOLDED_SCHEMA.empty_table()
    response = np.asarray(rows["response_id"].combine_chunks())
    zones = corrected_zones(rows["request_zone"], rows["account"], corrections)
    over = _over_us(rows["request_date"], zones)
    datasets = rows["dataset"].combine_chunks().dictionary_encode()
    late = np.array([lateness.get(name, 0) for name in datasets.dictionary.to_pylist()])
    late = late[np.asarray(datasets.indices)]
    becomes_final = over + late * _DAY_US
    at = np.asarray(rows["fetched_at"].combine_chunks().cast(pa.int64()))
    ok = np.asarray(pc.equal(rows["outcome"], "ok"))
    listed = ok & np.asarray(rows["complete"])
    empty = np.asarray(pc.fill_null(pc.equal(rows["rows"], 0), False))
    # Only the API knows that there is nothing; a saved response proves its own rows at most, and
    # other sources prove nothing.
    whole = listed & ((rank == Rank.API) | ((rank == Rank.IMPORT) & ~empty))
    unproven = ok & ~whole & ~empty & (rank != Rank.API)
    final = whole & (at >= becomes_final)
    kind = rows["error_kind"].combine_chunks()
    by_api = ~ok & ~np.asarray(pc.is_in(kind, pa.array(FOREIGN_KINDS)))
    not_found = by_api & np.asarray(pc.fill_null(pc.equal(rows["status"], GONE), False))
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
        "becomes_final_at": pa.array(becomes_final, _UTC),
        "complete_id": where(whole, ids),
        "complete_at": where(whole, times),
        "final_at": where(final, times),
        "rows_id": where(whole & ~empty, ids),
        "rows": where(whole & ~empty, rows["rows"].combine_chunks()),
        "first_final_empty_at": where(final & empty, times),
        "last_final_empty_at": where(final & empty, times),
        "partial_id": where(ok & ~whole & (rank == Rank.API), ids),
        "lack": where(ok & ~whole & (rank == Rank.API), rows["message"].combine_chunks()),
        "unproven_id": where(unproven, ids),
        "unproven_reason": where(unproven, rows["message"].combine_chunks()),
        "unproven_at": where(unproven, times),
        "other_final_at": where(listed & (rank == Rank.OTHER_API) & (at >= becomes_final), times),
        "error_id": where(~ok, ids),
        "last_error_at": where(~ok, times),
        "last_error_status": where(by_api, rows["status"].combine_chunks()),
        "last_error": where(~ok, said.combine_chunks()),
        "first_not_found_at": where(not_found, times),
        "answer_segment": where(ok, rows["segment"].combine_chunks()),
        "request_count": pa.array(np.ones(len(at), dtype=np.int64)),
        "error_count": pa.array((~ok).astype(np.int64)),
    }
    return pa.table(columns).cast(FOLDED_SCHEMA)


def _over_us(days: pa.ChunkedArray, zones: pa.ChunkedArray) -> np.ndarray:
    """Return when each day had ended, in its zone and in UTC (microseconds since 1970)."""
    days_of = days.combine_chunks().dictionary_encode()
    zones_of = zones.combine_chunks().dictionary_encode(null_encoding="encode")
    over = days_over_us(days_of.dictionary.to_pylist(), zones_of.dictionary.to_pylist())
    ends: np.ndarray = over[np.asarray(zones_of.indices), np.asarray(days_of.indices)]
    return ends


def data_days(lake: Lake) -> dict[str, tuple[date, date]]:
    """Return the first and the last requested day with rows of each device, of any dataset.

    From the stored facts as they are, which no call brings up to date.
    """
    return _data_days(lake, _has_rows())


def first_data_days(
    lake: Lake, dataset: str, device_ids: Sequence[str], since: date
) -> dict[str, date]:
    """Return the first requested day with rows of a dataset since a day, of devices that have any.

    From the stored facts as they are, like `data_days`.
    """
    which = (
        _has_rows()
        & (pc.field("dataset") == dataset)
        & (pc.field("request_date") >= pa.scalar(since))
        & pc.field("device_id").isin(pa.array(device_ids, pa.string()))
    )
    return {device_id: first for device_id, (first, _) in _data_days(lake, which).items()}


def _has_rows() -> pc.Expression:
    return (pc.field("rows") > 0) | pc.field("unproven_id").is_valid()


def _data_days(lake: Lake, which: pc.Expression) -> dict[str, tuple[date, date]]:
    file_set = lake.file_set(FILE_SET_NAME)
    manifest = file_set.manifest()
    days: dict[str, tuple[date, date]] = {}
    try:
        for name in () if manifest is None else manifest.files:
            rows = _read_where([file_set.folder / name], ["device_id", "request_date"], which)
            extremes = rows.group_by("device_id").aggregate([("request_date", "min_max")])
            for row in extremes.to_pylist():
                found = row["request_date_min_max"]
                first, last = days.get(row["device_id"], (found["min"], found["max"]))
                days[row["device_id"]] = min(first, found["min"]), max(last, found["max"])
    except DamagedError:
        return {}  # recomputed with the next plan
    return days


def not_found(lake: Lake, manifest: Manifest) -> dict[tuple[str, str], datetime]:
    """Return when each dataset and device was answered 404 again, if that is the newest answer.

    The view `coverage` says the same in SQL.
    """
    keys, ids = ["dataset", "device_id"], ["complete_id", "partial_id", "error_id"]
    folder = lake.file_set(FILE_SET_NAME).folder
    files = [folder / name for name in manifest.files]
    refused = _read_where(
        files,
        [*keys, "error_id", "last_error_at", "first_not_found_at"],
        pc.field("last_error_status") == GONE,
    )
    if refused.num_rows == 0:
        return {}
    confirmed_after = timedelta(microseconds=GONE_CONFIRM_US)
    known = pc.field("device_id").isin(pc.unique(refused["device_id"]))
    requested = _read_where(files, [*keys, *ids], known)
    newest: dict[tuple[str, str], int] = {}
    for row in requested.group_by(keys).aggregate([(name, "max") for name in ids]).to_pylist():
        newest[row["dataset"], row["device_id"]] = max(row[f"{name}_max"] or 0 for name in ids)
    return {
        (row["dataset"], row["device_id"]): row["last_error_at"]
        for row in refused.to_pylist()
        if newest[row["dataset"], row["device_id"]] == row["error_id"]
        and row["last_error_at"] - row["first_not_found_at"] >= confirmed_after
    }


def _read_where(files: Sequence[Path], columns: list[str], which: pc.Expression) -> pa.Table:
    parts = [empty_table(FACTS_SCHEMA).select(columns)]
    for path in files:
        with read_errors_as_damage(path):
            parts.append(pq.read_table(path, columns=columns, filters=which))
    return pa.concat_tables(parts)
