"""Collect quarantined rows and drift while responses are decoded."""

from collections.abc import Mapping

import msgspec
import pyarrow as pa

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.json_rows import Rejected, elements
from warehouse.archive import ArchivedResponse
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Drift


class QuarantineLog:
    """Collects quarantined rows and drift of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._quarantine: list[dict[str, object]] = []
        self._drift: dict[tuple[str, str, str], Drift] = {}
        self._raw_rows_by_response: dict[int, list[msgspec.Raw]] = {}

    def raw_row(self, response: ArchivedResponse, element: int) -> str:
        """Return the JSON of an element of a response."""
        raw_rows = self._raw_rows_by_response.get(response.response_id)
        if raw_rows is None:
            raw_rows = self._raw_rows_by_response[response.response_id] = elements(
                response.body, self._dataset.shape
            )
        return bytes(raw_rows[element]).decode(errors="replace")

    def add_row(
        self,
        response: ArchivedResponse,
        table: str,
        index: int,
        rejected: Rejected,
        check: str,
        *,
        is_row_kept: bool = False,
    ) -> None:
        """Add a row to the quarantine, or a value of a row that the table keeps without it."""
        self._quarantine.append(
            {
                "dataset": self._dataset.name,
                "table": table,
                "response_id": response.response_id,
                "device_id": response.device_id,
                "request_date": response.request_date,
                "row_index": index,
                "reason": rejected.reason,
                "check": check,
                "column": rejected.field,
                "value": rejected.value,
                "raw": rejected.raw,
                "first_seen_at": response.fetched_at,
                "is_row_kept": is_row_kept,
            }
        )

    def count_drift(
        self, response: ArchivedResponse, drift: Mapping[tuple[str, str, str], int]
    ) -> None:
        """Count deviations of a response from the contract."""
        at = response.fetched_at
        for (kind, field, example), number in drift.items():
            seen = self._drift.get((kind, field, example))
            self._drift[kind, field, example] = Drift(
                dataset=self._dataset.name,
                kind=kind,
                field=field,
                value=example,
                count=number + (seen.count if seen else 0),
                first_seen_at=min(at, seen.first_seen_at) if seen else at,
            )

    def quarantine(self) -> pa.Table:
        """Return the quarantined rows."""
        return pa.Table.from_pylist(self._quarantine, schema=QUARANTINE_SCHEMA)

    def drift(self) -> list[Drift]:
        """Return the deviations from the contract."""
        return list(self._drift.values())
