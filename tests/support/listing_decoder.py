"""A small dataset of entities with a version history: lists of boxes in pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tests.support.toy_decoder import UTC_US, answer
from warehouse.archive import ArchivedResponse, Entry
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoded, Listing
from warehouse.interface.table_spec import History
from warehouse.interface.table_spec import TableSpec as Spec

DATASET = "boxes"
START = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        pa.field("box", pa.string()),
        pa.field("colour", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("last_seen", pa.int64()),
        pa.field("listed_by", pa.string()),
        pa.field("valid_from", UTC_US),
        pa.field("valid_to", UTC_US),
        pa.field("response_id", pa.int64()),
        pa.field("fetched_at", UTC_US),
    ]
)


def spec(version: int = 1, **changes: Any) -> Spec:
    values: dict[str, Any] = {
        "name": DATASET,
        "schema": SCHEMA,
        "key": ("box",),
        "time_column": None,
        "device_column": None,
        "decoder_version": version,
        "description": "One row per box and version. Source: the toy.",
        "history": History(("last_seen",)),
    }
    return Spec(**(values | changes))


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def box(name: str, colour: str | None = "red", size: int | None = 1, **more: Any) -> dict[str, Any]:
    return {"box": name, "colour": colour, "size": size, "last_seen": None} | more


def page(boxes: Sequence[dict[str, Any]], at: int, **changes: Any) -> Entry:
    """Return a page of a list, fetched at an hour; boxes of negative size are invalid."""
    values = {"dataset": DATASET, "fetched_at": hour(at), "account": "acc"} | changes
    return answer("", None, boxes, **values)


@dataclass
class BoxDecoder:
    """Decode lists of boxes; boxes of negative size are quarantined."""

    version: int = 1
    dataset: str = DATASET
    tables: tuple[Spec, ...] = field(default=())
    lists: bool = True

    def __post_init__(self) -> None:
        self.tables = self.tables or (spec(self.version),)

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        fetches: dict[int, list[ArchivedResponse]] = {}
        rows_in: dict[int, int] = {}
        for response in responses:
            fetches.setdefault(response.fetch_id, []).append(response)
            rows = json.loads(response.body)["data"]
            rows_in[response.response_id] = len(rows)
            for at, row in enumerate(rows):
                if (row["size"] or 0) < 0:
                    bad.append(_quarantined(response, at))
                else:
                    good.append(
                        row
                        | {
                            "listed_by": response.account,
                            "valid_from": response.fetched_at,
                            "response_id": response.response_id,
                            "fetched_at": response.fetched_at,
                        }
                    )
        return Decoded(
            {DATASET: pa.Table.from_pylist(good, SCHEMA)},
            pa.Table.from_pylist(bad, QUARANTINE_SCHEMA),
            rows_in=rows_in,
            listings=[
                Listing(DATASET, pages[0].account, min(ids), max(ids), pages[-1].fetched_at)
                for pages in fetches.values()
                if self.lists
                and pages[0].complete
                and (ids := [page.response_id for page in pages])
            ],
        )


def _quarantined(response: ArchivedResponse, at: int) -> dict[str, Any]:
    return {
        "dataset": DATASET,
        "table": DATASET,
        "response_id": response.response_id,
        "device_id": "",
        "row_index": at,
        "reason": "check_failed",
        "check": "size >= 0",
        "column": "size",
        "first_seen_at": response.fetched_at,
    }
