"""What a data folder publishes: its tables, marts, current versions, codes, and the dictionary."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from assets.catalogue_entries import CatalogueEntry, catalogue_entries
from assets.catalogue_views import DEFAULT_CURRENCY, derived_views, derived_views_with_reads
from assets.framework.code_views import code_views
from assets.framework.decoding.decoder import decoders
from assets.registry import datasets
from givenergy.codes import all_codes
from warehouse.publish.publication import Publishable
from warehouse.publish.published_part import Part, PublishedTable
from warehouse.publish.published_types import published_schema
from warehouse.publish.published_views import PublishedView
from warehouse.standard_views import system_views, table_views
from warehouse.storage.arrow_fields import arrow_field

# Of paths such as 'data/index/coverage/*.parquet' and 'data/expected_days.parquet'.
_RECORD_FILES = re.compile(r"/((?:index|owner)/\w+[/.]|expected_days\.)")
DICTIONARY = "data_dictionary"
_DICTIONARY_SCHEMA = pa.schema(
    [
        arrow_field("name", pa.string(), "Table, view or macro"),
        arrow_field("kind", pa.string(), "table, mart, macro, view or version view"),
        arrow_field("column_name", pa.string(), "Column; null in the row of the table itself"),
        arrow_field("position", pa.int32(), "Position of the column, from 1; 0: the table itself"),
        arrow_field("type", pa.string(), "DuckDB's type of the column in the data folder"),
        arrow_field("unit", pa.string(), "Unit of its values; null: none"),
        arrow_field("is_nullable", pa.bool_(), "Whether it can be null"),
        arrow_field("description", pa.string(), "What it is"),
        arrow_field("key", pa.string(), "Columns that identify a row, separated by commas"),
        arrow_field("sql", pa.string(), "SQL of a macro, which is not published as a table"),
    ]
)


def publishable(currency: str) -> Publishable:
    """Return what every data folder publishes.

    Args:
        currency: ISO code of the currency of the folder's tariffs.
    """
    known = decoders(datasets())
    views = [*_marts(currency), *_current_versions()]
    return Publishable(known, views, [_codes(), _dictionary()])


def _marts(currency: str) -> Iterator[PublishedView]:
    """Yield each mart, but not the macros and comparisons, with all that it depends on."""
    tables: dict[str, frozenset[str]] = {}
    records = {view.name: _files_of_record(view.sql) for view in system_views(Path())}
    for decoder in decoders(datasets()):
        for table in decoder.tables:
            tables[table.name] = tables[table.version_view] = frozenset([table.name])
    texts: dict[str, str] = {}
    for view, spec in zip(derived_views_with_reads(), derived_views(currency), strict=True):
        read = [name for name in view.reads if name in tables]
        tables[spec.name] = frozenset().union(*(tables[name] for name in read))
        records[spec.name] = frozenset().union(*(records.get(name, ()) for name in view.reads))
        texts[spec.name] = "\n".join([*(texts.get(name, "") for name in view.reads), spec.sql])
        if view.group == "marts" and not spec.parameters:
            yield PublishedView(
                spec,
                tuple(sorted(tables[spec.name])),
                tuple(sorted(records[spec.name])),
                texts[spec.name],
            )


def _files_of_record(sql: str) -> frozenset[str]:
    """Return what the names of the files begin with that a view of givlake's records reads."""
    return frozenset(_RECORD_FILES.findall(sql))


def _current_versions() -> Iterator[PublishedView]:
    for decoder in decoders(datasets()):
        for table in decoder.tables:
            if table.history is not None:
                _, view = table_views(Path(), [table])
                # The SQL has the path of the folder, which does not matter.
                yield PublishedView(view, (table.name,), (), table.fingerprint)


def _codes() -> tuple[PublishedTable, Part]:
    (view,) = code_views()
    columns = zip(*all_codes(), strict=True)
    rows = pa.Table.from_arrays(
        [pa.array(each, pa.string()) for each in columns], view.schema.names
    )
    return _fixed(view.name, view.description, rows.cast(view.schema))


def _dictionary() -> tuple[PublishedTable, Part]:
    # In the default currency for every folder: two currencies would replace it in turn.
    views = derived_views(DEFAULT_CURRENCY)
    sql = {view.name: view.sql.strip() for view in views if view.parameters}
    described = [row for entry in catalogue_entries().values() for row in _described(entry, sql)]
    return _fixed(
        DICTIONARY,
        "Every table, view and macro of givlake and its columns, described.",
        pa.Table.from_pylist(described, _DICTIONARY_SCHEMA),
    )


def _described(entry: CatalogueEntry, sql: dict[str, str]) -> Iterator[dict[str, object]]:
    own = {"name": entry.name, "kind": entry.kind, "key": ", ".join(entry.key) or None}
    description = " ".join([entry.description, *entry.notes])
    yield {**own, "position": 0, "description": description, "sql": sql.get(entry.name)}
    for position, column in enumerate(entry.columns, 1):
        yield {
            **own,
            "column_name": column.name,
            "position": position,
            "type": column.type,
            "unit": column.unit or None,
            "is_nullable": column.is_nullable,
            "description": column.description,
        }


def _fixed(name: str, description: str, rows: pa.Table) -> tuple[PublishedTable, Part]:
    table = PublishedTable(name, description, published_schema(rows.schema), (), is_shared=True)
    digest = hashlib.sha256(repr(rows.to_pylist()).encode()).hexdigest()
    return table, Part("part-0", digest, rows.num_rows, rows.nbytes, lambda: rows)


def unknown_names(publishable: Publishable, names: Sequence[str]) -> list[str]:
    """Return the names that are none of the published tables."""
    return [name for name in names if name not in publishable.names]
