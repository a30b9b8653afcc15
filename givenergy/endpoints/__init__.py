"""The requests that givlake may make: an allow-list of (method, path), and nothing else.

Every endpoint here only reads, except for the notification to the owner's own app. Requests that
write or command (`request-data`) do not belong here, nor do requests that return one row of a list
that is read anyway. Two ask a device for the value of a setting (`asks_device`), which the owner
has to switch on. What a response means is defined by the datasets.

Every `Endpoint` that is an attribute of a module `*_endpoints` of this package is on the allow-list
`ENDPOINTS`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from givenergy.endpoints.definition import Endpoint


def _declared() -> Iterator[Endpoint]:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if module.name.endswith("_endpoints"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Endpoint):
                    yield value


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({each.name: each for each in _declared()})


def allowed(endpoint: Endpoint, *, may_ask_devices: bool) -> Endpoint:
    """Return the endpoint of the allow-list that equals a given one.

    Args:
        endpoint: Any endpoint; one that differs from that of its name in anything is refused.
        may_ask_devices: Whether those that ask a device are allowed.

    Raises:
        ValueError: If it is not on the list, or asks a device and may not.
    """
    listed = ENDPOINTS.get(endpoint.name)
    if listed is None or listed != endpoint:
        raise ValueError(f"{endpoint.name!r} is not on the list of allowed requests.")
    if listed.asks_device and not may_ask_devices:
        raise ValueError(f"{endpoint.name!r} asks a device, for which this client is not opened.")
    return listed
