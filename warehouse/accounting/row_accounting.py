"""Row accounting: for each response, the number of its rows by outcome.

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
from warehouse.storage.arrow_fields import arrow_field

_UTC = pa.timestamp("us", tz="UTC")
_EPOCH = date(1970, 1, 1)
_NO_DAY = -(1 << 31)


ACCOUNTING_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset of the response"),
        arrow_field("response_id", pa.int64(), "The response"),
        arrow_field("device_id", pa.string(), "Requested device"),
        arrow_field("request_date", pa.date32(), "Requested day"),
        arrow_field(
            "rows_in", pa.int64(), "Rows in the response: the sum of the next five columns"
        ),
        arrow_field("new", pa.int64(), "Rows whose key was new"),
        arrow_field("identical", pa.int64(), "Rows equal to the current row"),
        arrow_field("superseding", pa.int64(), "Rows that replaced the current row"),
        arrow_field(
            "superseded", pa.int64(), "Rows that did not replace it: older, or only values lost"
        ),
        arrow_field("quarantined", pa.int64(), "Rows that were quarantined"),
        arrow_field(
            "partly_quarantined",
            pa.int64(),
            "Rows, counted as new to superseded, of which values were quarantined and are null",
        ),
    ]
)
_OUTCOMES = ("new", "identical", "superseding", "superseded", "quarantined")
_COUNTS = (*_OUTCOMES, "partly_quarantined")


class RowAccounting:
    """The number of rows of each response by outcome."""

    def __init__(self, dataset: str) -> None:
        """Start without responses."""
        self._dataset = dataset
        # A backfill of a fleet has hundreds of thousands of responses: arrays instead of objects.
        self._ids, self._rows_in = array("q"), array("q")
        self._devices, self._days = array("i"), array("i")
        self._names: dict[str, int] = {}
        self._counted: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {
            name: [] for name in _COUNTS
        }

    def add_responses(self, responses: Iterable[ArchivedResponse], decoded: Decoded) -> None:
        """Add decoded responses and check that the decoder lost no row.

        Raises:
            AccountingError: Rows in differ from rows in tables plus rows quarantined.
        """
        rows_in = dict(decoded.rows_in)
        given = {response.response_id for response in responses}
        ids = np.array(sorted(given), dtype=np.int64)
        rows_out = np.zeros(len(ids), dtype=np.int64)
        quarantined = _quarantined(decoded.quarantine, is_row_kept=False)
        partly = _quarantined(decoded.quarantine, is_row_kept=True)
        tabled = [np.asarray(rows["response_id"]) for rows in decoded.tables.values()]
        for column in (*tabled, quarantined, partly):
            if not set(np.unique(column).tolist()) <= given:
                raise AccountingError(
                    f"the decoder of {self._dataset} returned rows of a response that it was not "
                    "given: they cannot be accounted for"
                )
        for column in (*tabled, quarantined):
            np.add.at(rows_out, np.searchsorted(ids, column), 1)
        for response in responses:
            expected = rows_in.get(response.response_id, 0)
            returned = int(rows_out[np.searchsorted(ids, response.response_id)])
            if expected != returned:
                raise AccountingError(
                    f"the decoder of {self._dataset} got {expected} rows in response "
                    f"{response.response_id} ({response.device_id} {response.request_date}) and "
                    f"returned {returned}: it must put every row into a table or into quarantine"
                )
            day = response.request_date
            self._ids.append(response.response_id)
            self._rows_in.append(expected)
            self._devices.append(self._names.setdefault(response.device_id, len(self._names)))
            self._days.append(_NO_DAY if day is None else (day - _EPOCH).days)
        self.count("quarantined", quarantined)
        self.count("partly_quarantined", partly)

    def count(self, outcome: str, response_ids: np.ndarray) -> None:
        """Count one row for each element of `response_ids`."""
        if len(response_ids):
            self._counted[outcome].append(np.unique(response_ids, return_counts=True))

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


def _quarantined(rows: pa.Table, *, is_row_kept: bool) -> np.ndarray:
    """Return the response_id of each quarantined row once, even if it fails several checks.

    Args:
        rows: Rows of the quarantine.
        is_row_kept: Whether to return rows of which only values were quarantined.
    """
    keys = ["response_id", "table", "row_index"]
    kept = pc.equal(pc.fill_null(rows["is_row_kept"], False), is_row_kept)
    chosen = rows.select(keys).filter(pc.and_(pc.is_valid(rows["row_index"]), kept))
    distinct = chosen.group_by(keys).aggregate([])
    return np.asarray(distinct["response_id"], dtype=np.int64)
