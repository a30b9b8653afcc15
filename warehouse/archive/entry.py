"""The archive's record of one HTTP response or failed attempt, and its Parquet schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

import numpy as np
import pyarrow as pa

from warehouse.source_names import API_SOURCE
from warehouse.storage.arrow_fields import arrow_field


class Rank(IntEnum):
    """Which source's rows stand where several have the same key: that of the lowest number.

    A response's number says its rank: those of the API count up from the time in microseconds, and
    those of each other rank have a block of negative numbers. So whatever orders by response_id,
    such as merging, gives the API the last word in any order of arrival.
    """

    API = 0
    """The API itself."""
    OTHER_API = 1
    """An API of the same form at another address."""
    IMPORT = 2
    """A response of the API that another tool saved."""
    LOCAL = 3
    """Registers of the device, read on the home network."""

    @classmethod
    def of(cls, response_id: int) -> Rank:
        """Return the rank of a response."""
        return cls(-(response_id >> _BLOCK_BITS))

    def numbered(self, number: int) -> int:
        """Return the response_id for a sequence number."""
        return number - (self << _BLOCK_BITS)


_BLOCK_BITS = 60


def ranks_of(response_ids: np.ndarray) -> np.ndarray:
    """Return the ranks of responses."""
    ranks: np.ndarray = -(response_ids >> _BLOCK_BITS)
    return ranks


def sequence_number(response_id: int) -> int:
    """Return the sequence number of a response, which no other response of any rank has."""
    return response_id & ((1 << _BLOCK_BITS) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One HTTP response or failed attempt, to be archived.

    Attributes:
        dataset: The dataset it was requested for, such as `inverter_data_points`.
        device_id: Serial number or UUID; "" if the request is not about one device.
        request_date: The requested day; None if the request has no day.
        request_zone: IANA time zone of `request_date`.
        method: HTTP method.
        path: URL path.
        params: Query and body as canonical JSON, redacted.
        status: HTTP status; None if there was no response.
        outcome: "ok" or "error".
        error_kind: Such as `http_503` or `timeout`; None when ok.
        message: The message of the API or of givlake, redacted; None when ok.
        requested_at: When the request was sent (UTC).
        fetched_at: When the response or the failure was complete (UTC).
        page: Number of this page, from 1.
        page_count: Pages of the whole fetch.
        complete: Whether the whole list was fetched, over all pages.
        rows: Rows in the body; None if it is not a list.
        body: The body after redaction; an excerpt if the request failed.
        attempts: Number of attempts for this response.
        redaction_version: Version of the allow-list applied to the body; None if unredacted.
        account: The requesting account (an opaque key, never a token); "" if unknown.
        request_end_date: The last requested day, inclusive, if one request covers several; None
            if it covers `request_date` alone or no day.
        day_rows: Rows of this page for each day from `request_date` to `request_end_date`; None
            if unknown, as for a failed attempt.
        source: "api", "import" (a file that another tool saved), "local" (read from the device
            itself), or the name of another API.
        source_file: The name of an imported file, below what was named; None if not imported.
        source_sha256: SHA-256 of the imported file as it was found.
        rank: Whose rows stand where several sources have the same key; kept as the number of the
            response.
    """

    dataset: str
    device_id: str
    request_date: date | None
    request_zone: str | None
    method: str
    path: str
    params: str
    status: int | None
    outcome: str
    error_kind: str | None
    message: str | None
    requested_at: datetime
    fetched_at: datetime
    page: int
    page_count: int
    complete: bool
    rows: int | None
    body: bytes
    attempts: int
    redaction_version: int | None
    account: str = ""
    request_end_date: date | None = None
    day_rows: Sequence[int] | None = None
    source: str = API_SOURCE
    source_file: str | None = None
    source_sha256: bytes | None = None
    rank: Rank = Rank.API

    def __post_init__(self) -> None:
        """Validate the range of days.

        Raises:
            ValueError: The range has no first day or ends before it, or `day_rows` does not have
                one number per day.
        """
        end = self.request_end_date
        if end is None and self.day_rows is None:
            return
        if self.request_date is None or end is None or end < self.request_date:
            raise ValueError(
                f"{self.dataset} {self.device_id}: {self.request_date} to {end} is not a range of "
                "days: pass the first and the last day of the request"
            )
        days = (end - self.request_date).days + 1
        if self.day_rows is not None and len(self.day_rows) != days:
            raise ValueError(
                f"{self.dataset} {self.device_id}: `day_rows` has {len(self.day_rows)} numbers for "
                f"the {days} days from {self.request_date} to {end}: pass one number per day"
            )


@dataclass(frozen=True, slots=True)
class ArchivedResponse:
    """One successful response, read from the archive. Fields as in `Entry`."""

    response_id: int
    fetch_id: int
    segment: int
    dataset: str
    device_id: str
    request_date: date | None
    request_zone: str | None
    path: str
    params: str
    status: int | None
    requested_at: datetime
    fetched_at: datetime
    page: int
    page_count: int
    complete: bool
    rows: int | None
    redaction_version: int | None
    account: str
    body: bytes
    request_end_date: date | None = None
    source: str = API_SOURCE


_UTC = pa.timestamp("us", tz="UTC")


INDEX_SCHEMA = pa.schema(
    [
        arrow_field(
            "response_id",
            pa.int64(),
            "Number of the response, increasing with time; negative if not of the API itself",
        ),
        arrow_field("fetch_id", pa.int64(), "response_id of the first page of the same fetch"),
        arrow_field("segment", pa.int64(), "Number of the archive segment it was written to"),
        arrow_field("dataset", pa.string(), "Dataset it was requested for"),
        arrow_field(
            "device_id", pa.string(), "Serial number or UUID; empty if not about one device"
        ),
        arrow_field("account", pa.string(), "Requesting account, as an opaque key"),
        arrow_field("request_date", pa.date32(), "Requested day; null if the request has no day"),
        arrow_field(
            "request_end_date", pa.date32(), "Last requested day; null if not a range of days"
        ),
        arrow_field("request_zone", pa.string(), "IANA time zone of the days"),
        arrow_field("method", pa.string(), "HTTP method"),
        arrow_field("path", pa.string(), "URL path"),
        arrow_field("params", pa.string(), "Query and body as JSON, redacted"),
        arrow_field("status", pa.int16(), "HTTP status; null if there was no response"),
        arrow_field("outcome", pa.string(), "ok or error"),
        arrow_field("error_kind", pa.string(), "Kind of failure; null when ok"),
        arrow_field("message", pa.string(), "Message of the failure, redacted; null when ok"),
        arrow_field("requested_at", _UTC, "When the request was sent"),
        arrow_field("fetched_at", _UTC, "When the response or the failure was complete"),
        arrow_field("page", pa.int32(), "Number of this page, from 1"),
        arrow_field("page_count", pa.int32(), "Pages of the whole fetch"),
        arrow_field("complete", pa.bool_(), "Whether the whole list was fetched, over all pages"),
        arrow_field("rows", pa.int64(), "Rows in the body; null if it is not a list"),
        arrow_field(
            "day_rows",
            pa.list_(pa.int32()),
            "Rows per day from request_date to request_end_date; null if unknown",
        ),
        arrow_field("attempts", pa.int32(), "Number of attempts for the response"),
        arrow_field(
            "redaction_version", pa.int32(), "Version of the allow-list applied to the body"
        ),
        arrow_field("body_bytes", pa.int64(), "Length of the body"),
        arrow_field("body_sha256", pa.binary(32), "SHA-256 of the body"),
        arrow_field(
            "source", pa.string(), "api, import, local, or the name of another API it came from"
        ),
        arrow_field("source_file", pa.string(), "Imported file; null if not imported"),
        arrow_field("source_sha256", pa.binary(32), "SHA-256 of the imported file, as found"),
    ]
)
ARCHIVE_SCHEMA = (
    INDEX_SCHEMA.append(
        arrow_field(
            "body_of", pa.int64(), "response_id, in this file, of the response with the same body"
        )
    )
    .append(arrow_field("body", pa.binary(), "The body; null when body_of is set"))
    .with_metadata({"description": "givlake archive: one row per HTTP response or failed attempt"})
)
RESPONSE_COLUMNS = tuple(ArchivedResponse.__slots__)
SORT_KEYS = ("dataset", "device_id", "request_date", "response_id")
