"""Drift: codes, fields and types in responses that are not in the contract."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from warehouse.interface.decoder_protocol import Drift
from warehouse.storage.arrow_fields import arrow_field

_UTC = pa.timestamp("us", tz="UTC")


DRIFT_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset of the responses"),
        arrow_field("kind", pa.string(), "unknown_code, new_field, changed_type, ..."),
        arrow_field("field", pa.string(), "Where in the row"),
        arrow_field("value", pa.string(), "The value, or an example"),
        arrow_field("count", pa.int64(), "Number of occurrences"),
        arrow_field("first_seen_at", _UTC, "When it was first fetched"),
    ]
)


def merge_drift(stored: pa.Table, drift: Iterable[Drift]) -> pa.Table:
    """Merge drift into the stored rows: repeated drift is counted."""
    fields = DRIFT_SCHEMA.names
    incoming = pa.Table.from_pylist(
        [{name: getattr(item, name) for name in fields} for item in drift], DRIFT_SCHEMA
    )
    keys = ["dataset", "kind", "field", "value"]
    folded = (
        pa.concat_tables([stored, incoming])
        .group_by(keys, use_threads=False)
        .aggregate([("count", "sum"), ("first_seen_at", "min")])
        .rename_columns([*keys, "count", "first_seen_at"])
    )
    return folded.select(fields).cast(DRIFT_SCHEMA).sort_by([(key, "ascending") for key in keys])
