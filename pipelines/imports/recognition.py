"""Say which answer of the API a saved JSON value is: by the addresses in it, else by its fields.

Whatever fits nothing, or several things, is not guessed at.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from assets.energy_flows import DATASET as ENERGY_FLOWS
from assets.framework.contract.dataset import Dataset
from assets.framework.contract.devices import DeviceKind
from assets.registry import datasets
from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.definition import Endpoint

# Datasets whose answers can be imported; the others would need what an answer does not say.
IMPORTED = (
    "accounts",
    "communication_devices",
    "energy_flows",
    "inverter_data_points",
    "inverter_events",
    "inverter_meter_readings",
    "inverter_presets",
    "inverter_setting_definitions",
    "inverter_system_readings",
    "sites",
)
# Their rows have the fields of an inverter's: which of the two it is, only a name can tell.
_LIKE_INVERTERS = ("site_energy_readings", "site_readings")
_AGGREGATES = "energy_flow_aggregates"
# Shared fields of all fields of a row and of the documented row.
_LEAST_LIKENESS = 0.6
_HALF_HOUR = timedelta(minutes=30)
_REDUCED_POINT = {"t", "pv", "bat", "grid", "soc"}


class NotUnderstoodError(Exception):
    """A value that is not imported; the message says what is known of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """The request that an answer names: endpoint, and the parameters of its path."""

    endpoint: Endpoint
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a value is.

    Attributes:
        dataset: The dataset.
        rows: Its rows, as Python objects.
        parameters: The path's parameters, if the answer names its address.
        is_single: Whether its content is one row, not a list.
        has_envelope: Whether the rows are in `data`.
        page: Number of the page.
        page_count: Pages of the whole list; None if it is not said.
        total: Rows of the whole list; None if it is not said.
        may_be_site: Whether it may be about a site, if nothing else says that it is not.
        saved_at: When the tool fetched it, as it says itself.
    """

    dataset: Dataset
    rows: Sequence[Any]
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_single: bool = False
    has_envelope: bool = True
    page: int = 1
    page_count: int | None = None
    total: int | None = None
    may_be_site: bool = False
    saved_at: datetime | None = None

    @property
    def device_id(self) -> str | None:
        """The device that the answer's address names; None if it does not."""
        return self.parameters.get("inverter")


def recognise(value: Any) -> Recognised:
    """Return what a whole value is: an answer with or without its envelope.

    Raises:
        NotUnderstoodError: It is nothing that can be imported.
    """
    if not isinstance(value, Mapping):
        raise NotUnderstoodError(f"{_kind(value)}, and no answer of the API")
    if "data" not in value or "start_time" in value:
        return _of_row(value)
    address = _address(value)
    rows, is_single = _rows(value["data"])
    meta = value.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    dataset, may_be_site = (
        (_of_endpoint(address, rows), False) if address is not None else _like(rows)
    )
    return Recognised(
        dataset,
        rows,
        {} if address is None else address.parameters,
        is_single,
        page=_number(meta.get("current_page")) or 1,
        page_count=_number(meta.get("last_page")),
        total=_number(meta.get("total")),
        may_be_site=may_be_site,
    )


def has_no_rows(value: Any) -> bool:
    """Return whether a value is an answer without rows, which brings nothing.

    Only the API itself can say that there is nothing.
    """
    if not isinstance(value, Mapping):
        return False
    if lists := lists_of(value):
        return not any(lists.values())
    return "data" in value and value["data"] in ([], {})


def recognise_row(row: Any) -> Recognised:
    """Return what an element of a list without an envelope is.

    Raises:
        NotUnderstoodError: It is nothing that can be imported.
    """
    if not isinstance(row, Mapping):
        raise NotUnderstoodError(f"a list of {_kind(row).removeprefix('a ')}s")
    if row.keys() >= _REDUCED_POINT:
        raise NotUnderstoodError("reduced points, whose fields nobody documents")
    return _of_row(row)


def _of_row(row: Mapping[str, Any]) -> Recognised:
    if row and all(name.isdigit() for name in row):
        raise NotUnderstoodError("an object of numbered entries, and no answer of the API")
    dataset, may_be_site = _like([row])
    return Recognised(dataset, [row], is_single=True, has_envelope=False, may_be_site=may_be_site)


def lists_of(value: Any) -> dict[str, Sequence[Any]]:
    """Return the lists of an object that some tools save, such as `data_points`, by their name.

    They have a serial number and the time of the fetch beside them, and no envelope.
    """
    if not isinstance(value, Mapping) or "data" in value:
        return {}
    lists: dict[str, Sequence[Any]] = {
        name: rows for name, rows in value.items() if isinstance(rows, list)
    }
    has_rows = any(isinstance(row, Mapping) for rows in lists.values() for row in rows[:1])
    return lists if has_rows or "serial" in value else {}


def recognise_list(value: Mapping[str, Any], rows: Sequence[Any]) -> Recognised:
    """Return what one of the lists of such an object is.

    Raises:
        NotUnderstoodError: It is nothing that can be imported.
    """
    dataset, may_be_site = _like(rows)
    serial = value.get("serial")
    return Recognised(
        dataset,
        rows,
        {"inverter": serial} if isinstance(serial, str) else {},
        has_envelope=False,
        may_be_site=may_be_site,
        saved_at=moment(value.get("fetched_at")),
    )


def moment(text: Any) -> datetime | None:
    """Return a moment that a tool has written down, with or without an offset; None if not one."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def is_of_device(dataset: Dataset) -> bool:
    """Return whether an answer is about one inverter."""
    return DeviceKind.INVERTER in dataset.device_kinds


def _rows(data: Any) -> tuple[Sequence[Any], bool]:
    """Return the rows of an answer, and whether it is a single one."""
    if isinstance(data, list):
        return data, False
    if isinstance(data, Mapping):
        if all(name.isdigit() for name in data):
            return [data[name] for name in sorted(data, key=int)], False
        return [data], True
    raise NotUnderstoodError(f"an answer whose data is {_kind(data)}")


def _address(value: Mapping[str, Any]) -> Address | None:
    """Return the address that an answer names; None if it names none.

    Raises:
        NotUnderstoodError: It names one that the API does not have.
    """
    named = [
        part.get(name)
        for part, names in ((value.get("meta"), ("path",)), (value.get("links"), ("first", "last")))
        if isinstance(part, Mapping)
        for name in names
    ]
    urls = [text for text in named if isinstance(text, str) and "/" in text]
    if not urls:
        return None
    path = re.sub(r"^.*?/v\d+(?=/)", "", urlsplit(urls[0]).path)
    for pattern, endpoint in _patterns():
        if found := pattern.fullmatch(path):
            return Address(endpoint, found.groupdict())
    raise NotUnderstoodError(f"an answer to {path}, which givlake does not request")


@cache
def _patterns() -> list[tuple[re.Pattern[str], Endpoint]]:
    """Return the patterns of all paths, those with fewer parameters first."""
    ordered = sorted(ENDPOINTS.values(), key=lambda endpoint: endpoint.path.count("{"))
    return [
        (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(each.path))), each)
        for each in ordered
    ]


def _of_endpoint(address: Address, rows: Sequence[Any]) -> Dataset:
    found = [each for each in datasets() if each.endpoint == address.endpoint]
    if len(found) > 1:
        return _like(rows)[0]
    if not found or found[0].name not in IMPORTED:
        name = found[0].name if found else address.endpoint.name
        raise NotUnderstoodError(f"an answer for {name}, which cannot be imported")
    return found[0]


def _like(rows: Sequence[Any]) -> tuple[Dataset, bool]:
    """Return the dataset whose rows have these fields, and whether it may be about a site."""
    row = next((row for row in rows if isinstance(row, Mapping)), None)
    if row is None:
        raise NotUnderstoodError("a list without rows, which does not say what it is")
    if row.keys() >= _REDUCED_POINT:
        raise NotUnderstoodError("reduced points, whose fields nobody documents")
    alike = {
        each.name: len(row.keys() & fields) / len(row.keys() | fields)
        for each, fields in _documented_fields()
    }
    best = max(alike.values())
    if best < _LEAST_LIKENESS:
        raise NotUnderstoodError(f"fields that are not the API's: {_named(row)}")
    names = [name for name, likeness in alike.items() if likeness == best]
    if _AGGREGATES in names:
        names = [_flows(row)]
    may_be_site = any(name in _LIKE_INVERTERS for name in names)
    names = [name for name in names if name not in _LIKE_INVERTERS]
    if len(names) != 1:
        raise NotUnderstoodError(f"it may be {' or '.join(names)}")
    return next(each for each in datasets() if each.name == names[0]), may_be_site


@cache
def _documented_fields() -> list[tuple[Dataset, frozenset[str]]]:
    known = (*IMPORTED, *_LIKE_INVERTERS, _AGGREGATES)
    return [
        (each, frozenset(each.row_type.__struct_encode_fields__))
        for each in datasets()
        if each.name in known
    ]


def _flows(row: Mapping[str, Any]) -> str:
    """Return the dataset of energy flows; only half hours can be imported."""
    try:
        start, end = (datetime.fromisoformat(row[name]) for name in ("start_time", "end_time"))
    except (KeyError, TypeError, ValueError):
        raise NotUnderstoodError("energy flows without their times") from None
    if end - start != _HALF_HOUR:
        raise NotUnderstoodError("energy flows of another length than half an hour")
    return ENERGY_FLOWS.name


def _named(row: Mapping[str, Any]) -> str:
    names = sorted(map(str, row))
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _kind(value: Any) -> str:
    if value is None:
        return "a null"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return kinds.get(type(value), "an object")
