"""Dagster metadata of a dataset: figures and previews per day and per table."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa

from assets.framework.contract.column_schema import extra_fields, history_columns
from assets.framework.contract.dataset import Dataset
from assets.framework.contract.sql_files import read_sql
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.report import FetchCounts, IngestionReport
from assets.framework.orchestration.asset_keys import AssetKeys
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake
from warehouse.tables.build import row_counts

_PREVIEW_FIGURES = 6
_ROWS_AT_ONCE = 50_000
Rows = list[dict[str, Any]]
_PREVIEW_COLUMNS = 9
# Provenance, the same in all rows, and columns that repeat the time.
_LEFT_OUT_OF_PREVIEWS = {
    *history_columns(),
    *extra_fields(),
    "local_time",
    "started_local",
    "local_date",
}


def day_metadata(
    lake: Lake, dataset: Dataset, report: IngestionReport, days: Sequence[date]
) -> dict[date, dict[str, Any]]:
    """Return figures and a preview for each day: the requests and the rows in the table."""
    if not days:
        return {}
    figures, previews = dict[date, Rows](), dict[date, Rows]()
    with connect(lake) as connection:
        for some in _few_rows(_by_day(connection, dataset, "day_counts", days)):
            figures |= _by_day(connection, dataset, "day_figures", some)
            previews |= _by_day(connection, dataset, "day_preview", some)
    metadata: dict[date, dict[str, Any]] = {}
    for day in days:
        metadata[day] = _requests(report.days.get(day, FetchCounts()))
        metadata[day]["budget wait, cumulative (s)"] = round(report.waited_s, 2)
        metadata[day]["outages of the API, cumulative (s)"] = round(report.outage_s, 2)
        if (budget := report.budget) is not None:
            metadata[day]["request budget"] = (
                f"{budget.available} of {budget.limit} left, {budget.used_by_us} used by givlake,"
                f" {budget.used_by_others} by others"
            )
        metadata[day]["rows quarantined, cumulative"] = report.built["quarantined"]
        nulled = report.built["partly_quarantined"]
        metadata[day]["rows with quarantined values, cumulative"] = nulled
        for row in figures.get(day, []):
            metadata[day] |= {
                "dagster/partition_row_count": row["row_count"],
                "devices": row["device_count"],
                "gaps over 15 minutes": row["gap_count"],
            }
            if row["longest_gap_minutes"] is not None:
                metadata[day]["longest gap (minutes)"] = round(row["longest_gap_minutes"], 1)
        if day in previews:
            metadata[day]["preview"] = dg.MetadataValue.md(_markdown(previews[day]))
    return metadata


def table_metadata(
    keys: AssetKeys, lake: Lake, dataset: Dataset, report: IngestionReport
) -> dict[dg.AssetKey, dict[str, Any]]:
    """Return figures for the archive of a dataset, and figures and a preview for each table."""
    requested: dict[str, Any] = {
        "requests": report.total.requests,
        "rows received": report.total.rows,
        "devices": len({result.request.device_id for result in report.results} - {""}),
    }
    if report.outage_s:
        requested["outages of the API (s)"] = round(report.outage_s, 2)
    if report.unavailable:
        requested["not available"] = report.unavailable
    rows = row_counts(lake, DatasetDecoder(dataset))
    newest = _newest_rows(lake, dataset)
    metadata = {keys.archive(dataset): requested}
    for table in dataset.output_tables:
        figures = {**requested, "dagster/row_count": rows[table.name]}
        if report.built:
            single = len(dataset.output_tables) == 1
            figures["new rows" if single else "new rows in all of its tables"] = report.built["new"]
            figures["rows quarantined"] = report.built["quarantined"]
            figures["rows with quarantined values"] = report.built["partly_quarantined"]
        if table.name in newest:
            figures["preview"] = newest[table.name]
        metadata[keys.table(table)] = figures
    return metadata


def _newest_rows(lake: Lake, dataset: Dataset) -> dict[str, dg.MarkdownMetadataValue]:
    """Return a preview of the newest rows of each table that has rows."""
    shown = {}
    with connect(lake) as connection:
        for table in dataset.output_tables:
            names = [n for n in table.schema.columns if n not in _LEFT_OUT_OF_PREVIEWS]
            sql = read_sql("newest", __package__)
            text = sql.format(
                table=_quoted(table.name),
                columns=", ".join(map(_quoted, names[:_PREVIEW_COLUMNS])),
                key=", ".join(f"{_quoted(name)} DESC" for name in table.key),
            )
            rows = _fetch(connection, text, {})
            if rows:
                shown[table.name] = dg.MetadataValue.md(_markdown(rows))
    return shown


def _requests(day: FetchCounts) -> dict[str, Any]:
    return {
        "rows received": day.rows,
        "requests": day.requests,
        "bytes received": day.bytes,
        "seconds waited for the API": round(day.request_s, 2),
    }


def _few_rows(counts: Mapping[date, Rows]) -> Iterator[list[date]]:
    """Divide days into groups whose rows need little memory together."""
    some: list[date] = []
    held = 0
    for day, (counted,) in sorted(counts.items()):
        if some and held + counted["row_count"] > _ROWS_AT_ONCE:
            yield some
            some, held = [], 0
        some.append(day)
        held += counted["row_count"]
    if some:
        yield some


def _by_day(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, query: str, days: Sequence[date]
) -> Mapping[date, Rows]:
    sql = read_sql(query, __package__)
    measured = [
        name
        for name, description in dataset.main.schema.columns.items()
        if pa.types.is_floating(description.arrow_type)
    ]
    text = sql.format(
        table=_quoted(dataset.main.name),
        time=_quoted(str(dataset.main.time_column)),
        device=_quoted(str(dataset.main.device_column)),
        figures=", ".join(map(_quoted, measured[:_PREVIEW_FIGURES])),
    )
    bounds = {"first": min(days), "last": max(days)}
    by_day: dict[date, Rows] = {}
    for row in _fetch(connection, text, bounds):
        by_day.setdefault(row.pop("request_date"), []).append(row)
    return by_day


def _fetch(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> Rows:
    rows: pa.Table = fetch_table(connection, sql, parameters)
    return list(rows.to_pylist())


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[_cell(value) for value in row.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    """Return a value as text, escaped so that none of it is Markdown or HTML."""
    text = "" if value is None else str(value)
    return "".join(
        character if character.isalnum() or character in " .:+-" else f"&#{ord(character)};"
        for character in text
    )
