"""The columns of the view `coverage`, described; `coverage.sql` computes them."""

import pyarrow as pa

from warehouse.storage.arrow_fields import arrow_field

_UTC = pa.timestamp("us", tz="UTC")
COVERAGE_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset"),
        arrow_field("device_id", pa.string(), "Device requested"),
        arrow_field("request_date", pa.date32(), "Day requested or expected"),
        arrow_field("state", pa.string(), "State of the day, such as complete, empty or failed"),
        arrow_field("reason", pa.string(), "Reason of the state"),
        arrow_field("rows", pa.int64(), "Rows of the newest complete response"),
        arrow_field("last_fetched_at", _UTC, "When the newest complete response was fetched"),
        arrow_field("last_error", pa.string(), "Message of the newest failure"),
        arrow_field("last_error_status", pa.int16(), "Its HTTP status, if the API itself answered"),
        arrow_field("last_error_at", _UTC, "When it failed"),
        arrow_field("error_count", pa.int64(), "Failures in the archive"),
        arrow_field("due_at", _UTC, "From when to fetch it again; null: never"),
        arrow_field("is_expected", pa.bool_(), "Whether the device has data of the day, as listed"),
    ]
)
