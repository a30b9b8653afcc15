"""The views that every catalogue has: of its tables, and of what givlake notes about its work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files as resource_files
from pathlib import Path

from warehouse import owner_inputs
from warehouse.accounting.drift import DRIFT_SCHEMA
from warehouse.accounting.finding_store import FINDINGS_SCHEMA
from warehouse.accounting.quarantine import STORED_QUARANTINE_SCHEMA
from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.catalogue_location import root_of, where_am_i
from warehouse.coverage.view_columns import COVERAGE_SCHEMA
from warehouse.interface.table_spec import TableSpec
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import EXPECTED_SCHEMA

# The columns, and those that identify a row.
_RECORDS = {
    "requests": (INDEX_SCHEMA, ("response_id",)),
    "pending_responses": (INDEX_SCHEMA, ("response_id",)),
    "quarantine": (STORED_QUARANTINE_SCHEMA, ()),
    "drift": (DRIFT_SCHEMA, ()),
    "row_accounting": (ACCOUNTING_SCHEMA, ("response_id",)),
    "coverage": (COVERAGE_SCHEMA, ("dataset", "device_id", "request_date")),
    "expected_days": (EXPECTED_SCHEMA, ()),
    "findings": (FINDINGS_SCHEMA, ("check", "device_id", "day", "item")),
}
SYSTEM_VIEWS = ("where_am_i", *_RECORDS, *owner_inputs.SCHEMAS)


def system_views(folder: Path) -> list[ViewSpec]:
    """Return the views of the catalogue over what givlake notes about its work."""
    views = [where_am_i(folder)]
    for name, (schema, key) in _RECORDS.items():
        lines = _sql(name).splitlines()
        comment = " ".join(line.removeprefix("--").strip() for line in lines if _is_comment(line))
        sql = "\n".join(line for line in lines if not _is_comment(line))
        sql = sql.format(folder=root_of(folder))
        views.append(ViewSpec(name, sql, comment, schema, key=key))
    for name, schema in owner_inputs.SCHEMAS.items():
        columns = ", ".join(f'"{column}"' for column in schema.names)
        sql = _sql("owner_input").format(folder=root_of(folder), name=name, columns=columns)
        views.append(
            ViewSpec(
                name, sql, owner_inputs.DESCRIPTIONS[name], schema, key=owner_inputs.KEYS[name]
            )
        )
    return views


def table_views(folder: Path, tables: Sequence[TableSpec]) -> list[ViewSpec]:
    """Return two views for each table: its rows, and its current or superseded versions."""
    views = []
    for spec in tables:
        columns = ", ".join(f'"{name}"' for name in spec.schema.names)
        for name, template, description, key in (
            (spec.name, "table", spec.description, spec.row_key),
            (spec.version_view, *_versions(spec)),
        ):
            sql = _sql(template).format(folder=root_of(folder), table=spec.name, columns=columns)
            views.append(ViewSpec(name, sql, description, spec.schema, key=key))
    return views


def _versions(spec: TableSpec) -> tuple[str, str, tuple[str, ...]]:
    """Return template, description and key of the view of a table's versions."""
    if spec.history is None:
        text = f"Superseded versions of the rows of {spec.name}, one per key and content."
        return "superseded", text, ()
    return "now", f"The current version of each entity in {spec.name}.", spec.key


def _is_comment(line: str) -> bool:
    return line.startswith("--")


@cache
def _sql(name: str) -> str:
    return resource_files("warehouse").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
