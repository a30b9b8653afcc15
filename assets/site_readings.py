"""Site readings: the latest powers of a whole site, polled.

Source: version 1.53 of the API, which does not document the leaves. Those with the names of an
inverter's latest powers are assumed to mean the same, and a plain number of `solar`, `grid` or
`battery` to be its power; all others are in `extra_fields` as sent.

Grain: site and time. An answer without a time is of the time when it arrived. One that contains
only nulls is no reading and goes to quarantine as `no_reading`.

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
    Table,
    Urgency,
    Wire,
    any_fields,
    extra_column,
    integer,
    leaf_columns,
    list_of_structs,
    local_columns,
    number_of,
    optional_times,
    provenance_columns,
    read_sql,
    reading_time,
    reject_empty_readings,
    table_schema,
    text,
    with_source,
)
from assets.inverter_data_points.point_columns import PV_ARRAYS
from assets.inverter_data_points.point_json import Battery, Grid, Inverter, Solar
from assets.inverter_system_readings import TABLE as INVERTER_READINGS
from givenergy.endpoints.account_endpoints import SITE_DATA
from warehouse.archive import ArchivedResponse


class _SiteReading(Wire):
    time: Any = None
    status: str | None = None
    solar: Solar = msgspec.field(default_factory=Solar)
    grid: Grid = msgspec.field(default_factory=Grid)
    battery: Battery = msgspec.field(default_factory=Battery)
    inverter: Inverter = msgspec.field(default_factory=Inverter)
    consumption: float | None = None


def site_table(name: str, description: str, of_inverter: Table) -> Table:
    """Describe a table of sites' readings with the measurements of a table of inverters."""
    # A site can have more than an inverter, so that the limits of one do not hold.
    measurements = {
        column: with_source(described, source, [])
        for column, described in of_inverter.schema.columns.items()
        if (source := described.source) and column not in ("time", "status")
    }
    status = of_inverter.schema.columns.get("status")
    return Table(
        name=name,
        description=description,
        schema=table_schema(
            {
                "site_id": integer("Site", "Number of the site.", nullable=False),
                **reading_time(),
                "time_source": text(
                    "Source of the time",
                    "`response` if the answer has the time, `fetch` if it is when that arrived.",
                    nullable=False,
                ),
                **({} if status is None else {"status": text("Status", "As sent.", "status")}),
                **measurements,
                **any_fields(),
                **provenance_columns(),
            }
        ),
        key=("site_id", "time"),
        time_column="time",
    )


def request_sites(state: KnownState) -> Iterator[Request]:
    """Yield a request per listed site."""
    for row in state.rows(read_sql("sites_known")):
        site = str(row["site_id"])
        yield Request(path={"site": site}, device_id=site)


def site_columns(table: Table, rows: Rows[Any], response: ArchivedResponse) -> dict[str, pa.Array]:
    """Return the columns of sites' readings that do not depend on what is measured.

    Rows without any value are moved to `rows.rejected`.
    """
    with_extra = {id(rows.values[index]) for index in rows.extra}
    reject_empty_readings(
        rows, lambda row: [row if id(row) in with_extra or _has_value(row) else None]
    )
    sent = optional_times(table.schema, rows, ("time",))["time"]
    time = sent.fill_null(pa.scalar(response.fetched_at, sent.type))
    sources = ["response" if value.is_valid else "fetch" for value in sent]
    site = pa.scalar(int(response.device_id), pa.int64())
    return {
        "site_id": pa.repeat(site, len(rows.values)),
        "time": time,
        "time_source": pa.array(sources, pa.string()),
        **local_columns(time, response.request_zone or "UTC"),
        **leaf_columns(table.schema, rows.values, skip=("time", "pv_arrays")),
        "extra_fields": extra_column(rows),
    }


def _read_plain_powers(rows: Rows[Any]) -> None:
    """Read a power that came as a plain number, or of consumption as an object."""
    for index, extra in list(rows.extra.items()):
        row = rows.values[index]
        for leaf in ("solar", "grid", "battery"):
            power = number_of(extra.get(leaf))
            if power is not None:
                setattr(row, leaf, msgspec.structs.replace(getattr(row, leaf), power=power))
                del extra[leaf]
        consumption = extra.get("consumption")
        if isinstance(consumption, Mapping) and consumption.keys() == {"power"}:
            power = number_of(consumption["power"])
            if power is not None:
                row.consumption = power
                del extra["consumption"]
        if not extra:
            del rows.extra[index]


def _has_value(row: msgspec.Struct) -> bool:
    leaves = msgspec.to_builtins(row)
    return not _is_blank({name: leaves[name] for name in leaves.keys() - {"time", "status"}})


def _is_blank(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_is_blank, value.values()))
    return value is None or value == []


TABLE = site_table(
    "site_readings",
    "The latest powers of each site, as polled. Leaves with the names of an inverter's are assumed"
    " to mean the same.",
    INVERTER_READINGS,
)


class SiteReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "site_readings"
    version = 1
    endpoint = SITE_DATA
    group = "accounts"
    row_type = _SiteReading
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
        _read_plain_powers(rows)
        return {
            **site_columns(TABLE, rows, response),
            "pv_arrays": list_of_structs(
                [reading.solar.arrays for reading in rows.values],
                PV_ARRAYS,
                ("array", "voltage", "current", "power"),
            ),
        }


DATASET = SiteReadings()
