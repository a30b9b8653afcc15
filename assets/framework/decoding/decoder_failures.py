"""Quarantine responses for which decoding itself raises an exception.

A decoder should read or reject every value. An exception on an unexpected value must not keep later
responses out of the tables, so the rows of that response are quarantined with the exception as the
reason. A fixed decoder restores them when it rebuilds the table.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.json_rows import elements
from warehouse.archive import ArchivedResponse
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoded
from warehouse.storage.parquet_files import empty_table

Fetches = Sequence[Sequence[ArchivedResponse]]
_LOG = logging.getLogger(__name__)


def decode_separately(
    dataset: Dataset, decode: Callable[[Fetches], Decoded], fetches: Fetches
) -> Decoded:
    """Decode fetches, and quarantine those that cannot be decoded.

    Args:
        dataset: Dataset of the responses.
        decode: Decodes fetches, each a list of pages.
        fetches: Fetches to decode.
    """
    try:
        return decode(fetches)
    # Any exception is logged and recorded in the quarantine.
    except Exception as error:
        if len(fetches) > 1:
            half = len(fetches) // 2
            return _concatenate(
                [
                    decode_separately(dataset, decode, part)
                    for part in (fetches[:half], fetches[half:])
                ]
            )
        _LOG.exception(
            "A response of %s could not be decoded and is quarantined: please report this with the"
            " output of `givlake quarantine`",
            dataset.name,
        )
        return _quarantine_fetch(dataset, fetches[0], error)


def _quarantine_fetch(
    dataset: Dataset, pages: Sequence[ArchivedResponse], error: Exception
) -> Decoded:
    quarantine = []
    rows_in = {}
    for page in pages:
        raw_rows = _raw_rows(dataset, page.body)
        rows_in[page.response_id] = len(raw_rows)
        quarantine += [
            {
                "dataset": dataset.name,
                "table": dataset.main.name,
                "response_id": page.response_id,
                "device_id": page.device_id,
                "request_date": page.request_date,
                "row_index": index,
                "reason": "decoder_failed",
                "check": "",
                "column": "",
                "value": f"{type(error).__name__}: {str(error)[:200]}",
                "raw": bytes(raw).decode(errors="replace"),
                "first_seen_at": page.fetched_at,
                "is_row_kept": False,
            }
            for index, raw in enumerate(raw_rows)
        ]
    return Decoded(
        tables={table.name: empty_table(table.arrow_schema) for table in dataset.output_tables},
        quarantine=pa.Table.from_pylist(quarantine, schema=QUARANTINE_SCHEMA),
        rows_in=rows_in,
    )


def _raw_rows(dataset: Dataset, body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return elements(body, dataset.shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [body[:2000]]


def _concatenate(parts: Sequence[Decoded]) -> Decoded:
    return Decoded(
        tables={
            name: pa.concat_tables([part.tables[name] for part in parts])
            for name in parts[0].tables
        },
        quarantine=pa.concat_tables([part.quarantine for part in parts]),
        drift=[drift for part in parts for drift in part.drift],
        rows_in={key: count for part in parts for key, count in part.rows_in.items()},
        listings=[listing for part in parts for listing in part.listings],
    )
