"""Row accounting: for each response, how many of its rows became what.

The files belong to the dataset's file set, so they change in the same transaction as its tables.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.archive import ArchivedResponse
from warehouse.errors import AccountingError
from warehouse.interface.decoder_protocol import Decoded

_UTC = pa.timestamp("us", tz="UTC")
_EPOCH = date(1970, 1, 1)
_NO_DAY = -(1 << 31)


def _field(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": description})


ACCOUNTING_SCHEMA = pa.schema(
    [
        _field("dataset", pa.string(), "Dataset of the response"),
        _field("response_id", pa.int64(), "The response"),
        _field("device_id", pa.string(), "Device that was asked"),
        _field("request_date", pa.date32(), "Day that was asked for"),
        _field("rows_in", pa.int64(), "Rows in the response: the sum of the five that follow"),
        _field("new", pa.int64(), "Rows whose key was new"),
        _field("identical", pa.int64(), "Rows equal to the one that stood"),
        _field("superseding", pa.int64(), "Rows that took the place of the one that stood"),
        _field("superseded", pa.int64(), "Rows that did not: older, or only values lost"),
        _field("quarantined", pa.int64(), "Rows that went to quarantine"),
    ]
)
PART_ROWS = 100_000
# A part is added to, which writes it anew, only while it is small: a poll costs the same for ever.
TAIL_ROWS = 4_000
_COUNTS = ("new", "identical", "superseding", "superseded", "quarantined")


class RowAccounting:
    """Rows of each response by what became of them."""

    def __init__(self, dataset: str) -> None:
        """Start with no response."""
        self._dataset = dataset
        # A fleet's backfill has hundreds of thousands of responses: no objects are kept of them.
        self._ids, self._rows_in = array("q"), array("q")
        self._devices, self._days = array("i"), array("i")
        self._names: dict[str, int] = {}
        self._counted: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {
            name: [] for name in _COUNTS
        }

    def open(self, responses: Iterable[ArchivedResponse], decoded: Decoded) -> None:
        """Enter responses and check that the decoder lost no row.

        Raises:
            AccountingError: rows in differ from rows tabled plus rows quarantined.
        """
        rows_in = dict(decoded.rows_in)
        known = {response.response_id for response in responses}
        ids = np.array(sorted(known), dtype=np.int64)
        out = np.zeros(len(ids), dtype=np.int64)
        quarantined = _quarantined(decoded.quarantine)
        arrived = [np.asarray(rows["response_id"]) for rows in decoded.tables.values()]
        for column in (*arrived, quarantined):
            if not set(np.unique(column).tolist()) <= known:
                raise AccountingError(
                    f"the decoder of {self._dataset} names a response that it was not given: "
                    "its rows cannot be accounted for"
                )
            np.add.at(out, np.searchsorted(ids, column), 1)
        for response in responses:
            expected = rows_in.get(response.response_id, 0)
            found = int(out[np.searchsorted(ids, response.response_id)])
            if expected != found:
                raise AccountingError(
                    f"the decoder of {self._dataset} was given {expected} rows by response "
                    f"{response.response_id} ({response.device_id} {response.request_date}) and "
                    f"returned {found}: it must put every row into a table or into quarantine"
                )
            day = response.request_date
            self._ids.append(response.response_id)
            self._rows_in.append(expected)
            self._devices.append(self._names.setdefault(response.device_id, len(self._names)))
            self._days.append(_NO_DAY if day is None else (day - _EPOCH).days)
        self.count("quarantined", quarantined)

    def count(self, what: str, response_ids: np.ndarray) -> None:
        """Count one row for each response_id given (repeats count)."""
        if len(response_ids):
            self._counted[what].append(np.unique(response_ids, return_counts=True))

    def table(self) -> pa.Table:
        """Return one row per response, in order of response_id."""
        ids = np.array(self._ids, dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        days = np.array(self._days, dtype=np.int32)[order]
        names = pa.array(list(self._names), pa.string())
        columns: dict[str, object] = {
            "dataset": pa.repeat(self._dataset, len(ids)),
            "response_id": ids,
            "device_id": names.take(pa.array(np.array(self._devices, dtype=np.int32)[order])),
            "request_date": pa.array(days, mask=days == _NO_DAY).cast(pa.date32()),
            "rows_in": np.array(self._rows_in, dtype=np.int64)[order],
        }
        for name in _COUNTS:
            counted = np.zeros(len(ids), dtype=np.int64)
            for part, counts in self._counted[name]:
                counted[np.searchsorted(ids, part)] += counts
            columns[name] = counted
        return pa.table(columns, schema=ACCOUNTING_SCHEMA)


def _quarantined(rows: pa.Table) -> np.ndarray:
    """Return the response_id of each row in quarantine once, however many checks it failed."""
    once = rows.select(["response_id", "table", "row_index"]).filter(pc.is_valid(rows["row_index"]))
    once = once.group_by(["response_id", "table", "row_index"]).aggregate([])
    return np.asarray(once["response_id"], dtype=np.int64)
