"""Drift: what answers held that the contract does not know."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from warehouse.interface.decoder_protocol import Drift

_UTC = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


DRIFT_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset of the responses"),
        _field("kind", pa.string(), "unknown_code, new_field, changed_type, ..."),
        _field("field", pa.string(), "Where in the row"),
        _field("value", pa.string(), "The value, or an example"),
        _field("count", pa.int64(), "How often it was met"),
        _field("first_seen_at", _UTC, "When it was first met"),
    ]
)


def merge_drift(stored: pa.Table, drift: Iterable[Drift]) -> pa.Table:
    """Unite drift: the same finding is counted, not repeated."""
    fields = DRIFT_SCHEMA.names
    incoming = pa.Table.from_pylist(
        [{name: getattr(found, name) for name in fields} for found in drift], DRIFT_SCHEMA
    )
    keys = ["dataset", "kind", "field", "value"]
    folded = (
        pa.concat_tables([stored, incoming])
        .group_by(keys, use_threads=False)
        .aggregate([("count", "sum"), ("first_seen_at", "min")])
        .rename_columns([*keys, "count", "first_seen_at"])
    )
    return folded.select(fields).cast(DRIFT_SCHEMA).sort_by([(key, "ascending") for key in keys])
