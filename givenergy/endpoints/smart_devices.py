"""Smart devices and their readings (API documentation, Smart Device).

Their list carries `local_key`, which opens the device to anybody in the same network: it is never
kept, whatever the owner allows. Making devices or readings does not belong here.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

__all__ = ["SMART_DEVICES", "SMART_DEVICE_DATA"]

# The alias is the owner's wording.
SMART_DEVICES = Endpoint(
    name="smart_devices",
    method="GET",
    path="/smart-device",
    scope="api:smart-device:list",
    page_size=1000,
    keep=PAGING | {"data[].uuid", "data[].other_data.graph_color", "data[].other_data.hardware_id"},
    personal=frozenset({"data[].alias"}),
)

# No filter by date: a larger page would bring known rows every day. One a minute is 1,500 a day.
SMART_DEVICE_DATA = Endpoint(
    name="smart_device_readings",
    method="GET",
    path="/smart-device/{device}/data",
    scope="api:smart-device:data",
    page_size=2000,
    newest_first=True,
)
