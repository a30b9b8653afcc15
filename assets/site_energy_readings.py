"""Site energy readings: the latest energy counters of a whole site, polled.

Source: version 1.53 of the API, which does not document the leaves. Those with the names of an
inverter's latest counters are assumed to mean the same; the others are in `extra_fields` as sent.

Grain: site and time; see `site_readings`.

Requests: one per site and poll.
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
    Urgency,
    Wire,
)
from assets.inverter_data_points.point_json import Energy
from assets.inverter_meter_readings import TABLE as INVERTER_READINGS
from assets.site_readings import request_sites, site_columns, site_table
from givenergy.endpoints.account_endpoints import SITE_ENERGY_DATA
from warehouse.archive import ArchivedResponse


class _SiteEnergies(Wire):
    time: Any = None
    today: Energy = msgspec.field(default_factory=Energy)
    total: Energy = msgspec.field(default_factory=Energy)
    is_metered: bool | None = None


TABLE = site_table(
    "site_energy_readings",
    "The latest energy counters of each site, as polled. Leaves with the names of an inverter's are"
    " assumed to mean the same.",
    INVERTER_READINGS,
)


class SiteEnergyReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "site_energy_readings"
    version = 1
    endpoint = SITE_ENERGY_DATA
    group = "accounts"
    row_type = _SiteEnergies
    shape = ResponseShape.OPEN_ROW
    output_tables = (TABLE,)
    depends_on = ("sites",)
    cadence = Cadence.EVERY_POLL
    # Not before the list of sites, as what is perishable would be.
    urgency = Urgency.HISTORY
    optional = True
    has_numeric_ids = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each site."""
        return request_sites(state)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return site_columns(TABLE, rows, response)


DATASET = SiteEnergyReadings()
