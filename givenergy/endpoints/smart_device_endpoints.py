"""Smart devices (API documentation, Smart Device).

Their list contains `local_key`, which gives anybody in the same network control of the device: it
is never kept, whatever the owner allows.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

SMART_DEVICES = Endpoint(
    name="smart_devices",
    method="GET",
    path="/smart-device",
    scope="api:smart-device:list",
    page_size=1000,
    keep=PAGING | {"data[].uuid", "data[].other_data.graph_color", "data[].other_data.hardware_id"},
    personal=frozenset({"data[].alias"}),
)

# No filter by date: a larger page would return known rows every day. One per minute is 1,500 a day.
SMART_DEVICE_DATA = Endpoint(
    name="smart_device_readings",
    method="GET",
    path="/smart-device/{device}/data",
    scope="api:smart-device:data",
    page_size=2000,
    newest_first=True,
)
