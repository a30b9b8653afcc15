"""Sites: the places where the account's devices are installed.

Source: API document, section "Site", "Get Your Sites".

Grain: site, with history. Name, account and coordinates identify people: they are redacted before
archiving and therefore null, unless the owner keeps them.

Requests: one per page of the list and week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    Int64,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Wire,
    as_json,
    column,
    extra_column,
    extra_fields,
    history_columns,
    integer,
    leaf_columns,
    measurement,
    optional_dates,
    table_schema,
    text,
)
from givenergy.endpoints.account_endpoints import SITES
from warehouse.archive import ArchivedResponse


class _Site(Wire):
    id: Int64 | None = None
    name: str | None = None
    account: str | None = None
    date_created: str | None = None
    country: str | None = None
    timezone: str | None = None
    tz_timezone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    type: str | None = None
    products: Any = None


_PERSONAL = "Null unless the owner keeps it."

TABLE = Table(
    name="sites",
    description="Sites of the account, one row per item and version.",
    schema=table_schema(
        {
            "site_id": integer("Site", "Number of the site.", "id", nullable=False),
            "created_date": column(
                pa.date32(), "Created", "Date of creation.", source="date_created"
            ),
            "country": text("Country", "Country of the site.", "country"),
            "timezone": text("Offset", "Time zone as an offset from GMT.", "timezone"),
            "tz_timezone": text("Time zone", "IANA name of the time zone.", "tz_timezone"),
            "type": text("Type", "Type of connection, e.g. SINGLE_PHASE.", "type"),
            "products": text("Products", "JSON of the installed products.", "products"),
            "name": text("Name", f"Name given by the owner. {_PERSONAL}", "name"),
            "account": text("Account", f"Name of the account. {_PERSONAL}", "account"),
            "latitude": measurement("Latitude (°)", _PERSONAL, "latitude", -90.0, 90.0),
            "longitude": measurement("Longitude (°)", _PERSONAL, "longitude", -180.0, 180.0),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("site_id",),
    unversioned_columns=(),
)


class Sites(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "sites"
    version = 2
    endpoint = SITES
    group = "accounts"
    row_type = _Site
    output_tables = (TABLE,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the whole list."""
        yield Request()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        dates = optional_dates(TABLE.schema, rows, ("created_date",))
        return {
            **leaf_columns(TABLE.schema, rows.values, skip=("created_date", "products")),
            **leaf_columns(TABLE.schema, rows.values, only=("products",), convert=as_json),
            **dates,
            "extra_fields": extra_column(rows),
        }


DATASET = Sites()
