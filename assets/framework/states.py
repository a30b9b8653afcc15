"""The state of each device-day, as the archive tells it of the day or else of the device.

How a day's state follows from its own requests is the warehouse's business.
"""

from collections.abc import Sequence
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.dataset import Dataset
from assets.framework.devices import Device
from warehouse import CoverageRule, Lake, State, connect, coverage

_NEWEST_ANSWERS = """
SELECT device_id, arg_max(status, response_id) AS status, max(fetched_at) AS fetched_at
FROM requests
WHERE dataset = $dataset
GROUP BY device_id
"""
_NOT_FOUND = 404


def day_states(
    lake: Lake,
    dataset: Dataset,
    devices: Sequence[Device],
    expected: pa.Table,
    start: date,
    end: date,
    *,
    now: datetime,
) -> pa.Table:
    """Give the states of expected device-days between two days, in the columns of `coverage`.

    Days never asked of a device that is gone are gone as well, and not due: asking for each of them
    would tell nothing new.
    """
    assert dataset.lateness_days is not None
    rules = [CoverageRule(dataset.name, dataset.lateness_days)]
    states = coverage(lake, rules, expected, start, end, now=now)
    gone = _gone(lake, dataset, devices)
    if not gone:
        return states
    concerned = pc.and_(
        pc.is_in(states["device_id"].cast(pa.string()), pa.array(gone, pa.string())),
        pc.equal(states["state"].cast(pa.string()), str(State.NEVER_ASKED)),
    )
    changes = {
        "state": pc.if_else(concerned, str(State.GONE), states["state"].cast(pa.string())),
        "reason": pc.if_else(
            concerned, "the device is not known any more", states["reason"].cast(pa.string())
        ),
        "due": pc.and_not(states["due"], concerned),
    }
    for name, values in changes.items():
        field = states.schema.field(name)
        values = values.dictionary_encode() if pa.types.is_dictionary(field.type) else values
        states = states.set_column(states.schema.get_field_index(name), field, values)
    return states


def _gone(lake: Lake, dataset: Dataset, devices: Sequence[Device]) -> list[str]:
    """List the devices that the API did not know when last asked, unless they were seen since."""
    with connect(lake) as connection:
        found = connection.execute(_NEWEST_ANSWERS, {"dataset": dataset.name}).fetchall()
    not_found = {device_id: at for device_id, status, at in found if status == _NOT_FOUND}
    return [
        device.device_id
        for device in devices
        if (at := not_found.get(device.device_id)) is not None
        and (device.last_contact_at is None or device.last_contact_at < at)
    ]
