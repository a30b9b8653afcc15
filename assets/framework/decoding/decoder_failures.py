"""What becomes of an answer at which decoding itself fails: it is set aside, and stops no other.

Every value that an answer can hold should be read or set aside by its decoder. Where one was not
thought of, the error must not keep all later answers out of the tables. Its rows go to quarantine
with the error as the reason; the decoder that knows the value brings them back at its rebuild.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.json_rows import elements
from warehouse import QUARANTINE_SCHEMA, ArchivedResponse, Decoded

Fetches = Sequence[Sequence[ArchivedResponse]]
_LOG = logging.getLogger(__name__)


def decode_separately(
    dataset: Dataset, decode: Callable[[Fetches], Decoded], fetches: Fetches
) -> Decoded:
    """Decode fetches, and set aside those at which that fails.

    Args:
        dataset: whose answers they are.
        decode: decodes fetches, each its pages.
        fetches: what to decode.
    """
    try:
        return decode(fetches)
    # Whatever it is: it is logged, and stands in the quarantine.
    except Exception as error:
        if len(fetches) > 1:
            half = len(fetches) // 2
            return _joined(
                [
                    decode_separately(dataset, decode, part)
                    for part in (fetches[:half], fetches[half:])
                ]
            )
        _LOG.exception(
            "An answer of %s could not be decoded and was set aside: please report this, with what"
            " givlake quarantine says of it",
            dataset.name,
        )
        return _set_aside(dataset, fetches[0], error)


def _set_aside(dataset: Dataset, pages: Sequence[ArchivedResponse], error: Exception) -> Decoded:
    quarantine = []
    rows_in = {}
    for page in pages:
        raws = _raws(dataset, page.body)
        rows_in[page.response_id] = len(raws)
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
            }
            for index, raw in enumerate(raws)
        ]
    return Decoded(
        tables={table.name: table.arrow_schema.empty_table() for table in dataset.output_tables},
        quarantine=pa.Table.from_pylist(quarantine, schema=QUARANTINE_SCHEMA),
        rows_in=rows_in,
    )


def _raws(dataset: Dataset, body: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return elements(body, dataset.shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [body[:2000]]


def _joined(parts: Sequence[Decoded]) -> Decoded:
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
