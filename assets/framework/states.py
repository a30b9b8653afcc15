"""The state of each device-day, as the archive tells it of the day or else of the device.

How a day's state follows from its own requests is the warehouse's business.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.dataset import Dataset
from assets.framework.devices import Device
from warehouse import Lake, State, connect, coverage, retrying

_NOT_FOUND = 404


def months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Split days into calendar months, the newest first; both bounds are included."""
    while start <= end:
        first = max(start, end.replace(day=1))
        yield first, end
        end = first - timedelta(days=1)


def day_states(
    lake: Lake,
    dataset: Dataset,
    devices: Sequence[Device],
    expected: pa.Table,
    start: date,
    end: date,
    *,
    now: datetime,
) -> Iterator[pa.Table]:
    """Give the states of expected device-days between two days, a table for each month.

    The newest month comes first. Days never asked of a device that is gone are gone as well, and
    not due: asking for each of them would tell nothing new.

    Args:
        lake: the data folder.
        dataset: a dataset asked for by day.
        devices: those concerned.
        expected: from when to when days are expected of each, as `Lake.expected` gives them.
        start: first day.
        end: last day.
        now: the present time, UTC.

    Yields:
        Tables in the columns of `warehouse.COVERAGE_SCHEMA`, text instead of dictionaries.
    """
    gone = pa.array(_gone(lake, dataset, devices), pa.string())
    for first, last in months(start, end):
        states = _plain(coverage(lake, [dataset.coverage_rule], expected, first, last, now=now))
        if len(gone):
            concerned = pc.and_(
                pc.is_in(states["device_id"], gone),
                pc.equal(states["state"], str(State.NEVER_ASKED)),
            )
            for name, values in {
                "state": pc.if_else(concerned, str(State.GONE), states["state"]),
                "reason": pc.if_else(
                    concerned, "the device is not known any more", states["reason"]
                ),
                "due": pc.and_not(states["due"], concerned),
            }.items():
                states = states.set_column(states.schema.get_field_index(name), name, values)
        yield states


def _gone(lake: Lake, dataset: Dataset, devices: Sequence[Device]) -> list[str]:
    """List the devices that the API did not know when last asked, unless they were seen since."""
    sql = resources.files(__package__).joinpath("sql", "newest_answers.sql").read_text()
    with connect(lake) as connection:
        found = retrying(lambda: connection.execute(sql, {"dataset": dataset.name}).fetchall())
    not_found = {device_id: at for device_id, status, at in found if status == _NOT_FOUND}
    return [
        device.device_id
        for device in devices
        if (at := not_found.get(device.device_id)) is not None
        and (device.last_contact_at is None or device.last_contact_at < at)
    ]


def _plain(states: pa.Table) -> pa.Table:
    """Turn dictionary columns into text, which can be compared and grouped."""
    return states.cast(
        pa.schema(
            (name, pa.string() if pa.types.is_dictionary(kind) else kind)
            for name, kind in zip(states.schema.names, states.schema.types, strict=True)
        )
    )
