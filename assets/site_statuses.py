"""Site statuses: whether a site is occupied, and whether it takes part in a scheme.

Source: API document, section "Site", "Get Site Status"; only for users approved by the vendor.

Grain: site, with history. The response is a bare object. Null is a value: the site is in no scheme.
`has_status` records it, so losing a status makes a new version.

Requests: one per site and week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    Cadence,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Wire,
    column,
    extra_column,
    extra_fields,
    history_columns,
    integer,
    name_of_code,
    read_sql,
    reject,
    table_schema,
    text,
)
from givenergy.endpoints.account_endpoints import SITE_STATUS
from warehouse.archive import ArchivedResponse


class _Status(Wire):
    status: Any = msgspec.UNSET


TABLE = Table(
    name="site_statuses",
    description="Status of each site, one row per item and version.",
    schema=table_schema(
        {
            "site_id": integer("Site", "Number of the site.", nullable=False),
            "status": text("Status", "Status as sent.", "status", codes="site_status"),
            "status_name": name_of_code("Status"),
            "has_status": column(
                pa.bool_(),
                "Has a status",
                "Whether the site has a status; without one it is part of no scheme.",
                nullable=False,
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("site_id",),
    unversioned_columns=(),
)


class SiteStatuses(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "site_statuses"
    version = 1
    endpoint = SITE_STATUS
    group = "accounts"
    row_type = _Status
    shape = ResponseShape.BARE
    output_tables = (TABLE,)
    depends_on = ("sites",)
    cadence = Cadence.WEEKLY
    optional = True
    has_numeric_ids = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each site's status."""
        for row in state.rows(read_sql("sites_known")):
            site = str(row["site_id"])
            yield Request(path={"site": site}, device_id=site)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        unfit = [
            index
            for index, row in enumerate(rows.values)
            if not (row.status is None or isinstance(row.status, str))
        ]
        reject(rows, unfit, "status", response.body, self.shape)
        statuses = [row.status for row in rows.values]
        site = pa.scalar(int(response.device_id), pa.int64())
        return {
            "site_id": pa.repeat(site, len(statuses)),
            "status": pa.array(statuses, pa.string()),
            "has_status": pa.array([status is not None for status in statuses], pa.bool_()),
            "extra_fields": extra_column(rows),
        }


DATASET = SiteStatuses()
