"""The declarations that dataset modules import.

Only `contract` is exported, so that dataset modules do not need Dagster. `ingestion`, `decoding`
and `orchestration` have the steps that a response passes. Nothing in the framework names an
endpoint, a table or a column of one dataset.
"""

from assets.framework.contract.column_schema import (
    TIME_LOCAL,
    TIME_UTC,
    column,
    extra_fields,
    flag,
    history_columns,
    instant,
    integer,
    measurement,
    name_of_code,
    number,
    provenance_columns,
    reading_time,
    source_of,
    table_schema,
    text,
    with_source,
)
from assets.framework.contract.columns import (
    as_json,
    as_text,
    extra_column,
    leaf_columns,
    leaf_getter,
    list_of_structs,
    local_columns,
    optional_dates,
    optional_times,
    parse_time,
    parse_times,
    reject,
    reject_empty_readings,
    remove_rows,
    rounded,
)
from assets.framework.contract.dataset import (
    Cadence,
    DailyDataset,
    Dataset,
    DeviceList,
    PageByPage,
    RowByRow,
    SnapshotDataset,
    Urgency,
)
from assets.framework.contract.day_range import (
    DayRange,
)
from assets.framework.contract.derived import (
    difference,
    duration_s,
)
from assets.framework.contract.device_asking import (
    DeviceAnswer,
    DeviceAskingDataset,
)
from assets.framework.contract.devices import (
    EARLIEST_DATA,
    Device,
    DeviceKind,
    local_day,
)
from assets.framework.contract.json_rows import (
    Int64,
    Misfit,
    Rejected,
    ResponseShape,
    Rows,
    Wire,
    decode_rows,
    elements,
)
from assets.framework.contract.json_values import (
    json_text,
    json_type,
    number_of,
    resolve_redaction,
)
from assets.framework.contract.known_state import (
    KnownState,
)
from assets.framework.contract.local_time import (
    Moments,
    folds_by_order,
    parse_local_times,
    to_utc,
)
from assets.framework.contract.lookback import (
    lookback_start,
    lookbacks,
    open_items,
)
from assets.framework.contract.request import (
    PROBE,
    Request,
    Value,
    request_each,
)
from assets.framework.contract.requested_time import (
    CLOCK_MARGIN,
    TimeSpan,
)
from assets.framework.contract.sql_files import (
    read_sql,
)
from assets.framework.contract.table import (
    Table,
    TableRows,
)
from assets.framework.contract.undocumented import (
    Undocumented,
    any_fields,
    as_flag,
    as_name,
    as_time,
    as_word,
    names_of,
    told,
    versioned_columns,
    versioned_fields,
)
from assets.framework.contract.validation import (
    elements_in_range,
)

__all__ = [
    "CLOCK_MARGIN",
    "EARLIEST_DATA",
    "PROBE",
    "TIME_LOCAL",
    "TIME_UTC",
    "Cadence",
    "DailyDataset",
    "Dataset",
    "DayRange",
    "Device",
    "DeviceAnswer",
    "DeviceAskingDataset",
    "DeviceKind",
    "DeviceList",
    "Int64",
    "KnownState",
    "Misfit",
    "Moments",
    "PageByPage",
    "Rejected",
    "Request",
    "ResponseShape",
    "RowByRow",
    "Rows",
    "SnapshotDataset",
    "Table",
    "TableRows",
    "TimeSpan",
    "Undocumented",
    "Urgency",
    "Value",
    "Wire",
    "any_fields",
    "as_flag",
    "as_json",
    "as_name",
    "as_text",
    "as_time",
    "as_word",
    "column",
    "decode_rows",
    "difference",
    "duration_s",
    "elements",
    "elements_in_range",
    "extra_column",
    "extra_fields",
    "flag",
    "folds_by_order",
    "history_columns",
    "instant",
    "integer",
    "json_text",
    "json_type",
    "leaf_columns",
    "leaf_getter",
    "list_of_structs",
    "local_columns",
    "local_day",
    "lookback_start",
    "lookbacks",
    "measurement",
    "name_of_code",
    "names_of",
    "number",
    "number_of",
    "open_items",
    "optional_dates",
    "optional_times",
    "parse_local_times",
    "parse_time",
    "parse_times",
    "provenance_columns",
    "read_sql",
    "reading_time",
    "reject",
    "reject_empty_readings",
    "remove_rows",
    "request_each",
    "resolve_redaction",
    "rounded",
    "source_of",
    "table_schema",
    "text",
    "to_utc",
    "told",
    "versioned_columns",
    "versioned_fields",
    "with_source",
]
