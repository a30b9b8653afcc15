"""The requests that givlake may make: an allow-list of (method, path), and nothing else.

Every endpoint here only reads. A write, or a read that commands the inverter (``request-data``),
does not belong here. What an endpoint's answers mean is decided in the datasets, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from givenergy.budget.interface import OwnLimit

__all__ = [
    "ACCOUNT",
    "COMMUNICATION_DEVICES",
    "ENDPOINTS",
    "INVERTER_DATA_POINTS",
    "Endpoint",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One request that the API answers.

    Attributes:
        name: The dataset-like name, also the name of the bucket if the endpoint has its own limit.
        method: ``GET``, or ``POST`` for a read that takes a body.
        path: Path below the base URL, with ``{name}`` for each parameter.
        scope: The token scope the endpoint needs.
        page_size: The largest page asked for; None when the endpoint is not paginated.
        limit: A limit of the endpoint's own; None when it spends from the account's.
        keep: On endpoints with personal data or secrets, the leaves that may be kept (dotted
            paths below the top of the body, ``[]`` for any element); None keeps all.
    """

    name: str
    method: str
    path: str
    scope: str
    page_size: int | None = None
    limit: OwnLimit | None = None
    keep: frozenset[str] | None = None

    def url_path(self, parameters: Mapping[str, str]) -> str:
        """Fill the path, each value percent-encoded so that it cannot leave its segment.

        Raises:
            ValueError: If a parameter is missing, unknown, or no usable path segment.
        """
        segments = []
        used = set()
        for segment in self.path.split("/"):
            if not segment.startswith("{"):
                segments.append(segment)
                continue
            name = segment.strip("{}")
            used.add(name)
            if name not in parameters:
                raise ValueError(f"{self.name} needs the path parameter {name!r}.")
            segments.append(_segment(name, parameters[name]))
        if unknown := set(parameters) - used:
            raise ValueError(f"{self.name} has no path parameter {sorted(unknown)[0]!r}.")
        return "/".join(segments)


def _segment(name: str, value: str) -> str:
    # "." and ".." survive percent-encoding: HTTP clients undo it and then climb the path.
    if value in {"", ".", ".."} or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise ValueError(f"{value!r} cannot be used as {name}: give the name the API lists.")
    return quote(value, safe="")


ACCOUNT = Endpoint(
    name="account",
    method="GET",
    path="/account",
    scope="api:account:read",
    keep=frozenset(
        {
            "data.id",
            "data.role",
            "data.timezone",
            "data.standard_timezone",
            "data.country",
        }
    ),
)

COMMUNICATION_DEVICES = Endpoint(
    name="communication_devices",
    method="GET",
    path="/communication-device",
    scope="api:inverter:list",
    page_size=1000,
)

# 100,000 is honoured and returns the busiest recorded day in one page (recorded).
INVERTER_DATA_POINTS = Endpoint(
    name="inverter_data_points",
    method="GET",
    path="/inverter/{inverter}/data-points/{date}",
    scope="api:inverter:data",
    page_size=100_000,
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {e.name: e for e in (ACCOUNT, COMMUNICATION_DEVICES, INVERTER_DATA_POINTS)}
)
