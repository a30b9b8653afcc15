"""The requests that givlake may make: an allow-list of (method, path), and nothing else.

Every endpoint here only reads, except for the notification to the owner's own app. Requests that
write, or that read by commanding a device (`request-data`, the values of inverter settings), do not
belong here, nor do requests that return one row of a list that is read anyway. What a response
means is defined by the datasets.

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
