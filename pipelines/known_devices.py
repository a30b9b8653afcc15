"""The account's devices as the tables of the lists have them, and when their history starts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from assets.energy_flow_aggregates import EnergyPeriod, energy_periods
from assets.framework.contract.dataset import DeviceList
from assets.framework.contract.devices import (
    Device,
    DeviceKind,
    Devices,
    expected_days,
    local_day,
    of_kinds,
)
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.sql_files import read_sql
from assets.framework.contract.stored_ranges import NAMED
from assets.framework.ingestion.report import IngestionReport
from assets.registry import daily_datasets, device_lists
from givenergy.server_clock import utc_now
from pipelines.device_lookup import ids_of
from warehouse.coverage import data_days
from warehouse.lake import Lake
from warehouse.storage.transaction import states_of_file_sets

HISTORY_STARTS = "history_starts"
KNOWN = "known_devices"
DISCOVERED_AT = "discovered_at"
# The API has no older data: the vendor's cloud did not exist.
EARLIEST = date(2015, 1, 1)
# The devices of each list; of each dataset, devices in no list of which another source than the API
# has data; and when inverters had energy.
_Unlisted = Mapping[str, Sequence[Device]]
_Listed = tuple[dict[DeviceList, Devices], _Unlisted, Mapping[str, EnergyPeriod]]
_newest_listed: tuple[object, _Listed] | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """The account's devices.

    Attributes:
        devices: The devices by kind.
        new: The devices that the previous discovery did not have.
        at: When the lists were requested, UTC.
        reports: The reports of the lists that were requested, by name.
    """

    devices: Devices
    new: tuple[Device, ...]
    at: datetime
    reports: Mapping[str, IngestionReport] = field(default_factory=dict)

    @property
    def news(self) -> list[str]:
        """Sentences about new devices, with the command that fetches their history."""
        return [
            f"New device {device.name}: fetch its history with"
            f" givlake backfill --device {device.device_id}"
            for device in self.new
        ]

    @property
    def failures(self) -> list[str]:
        """Messages about the lists that could not be fetched."""
        return [
            f"{name}: {result.message}"
            for name, report in self.reports.items()
            for result in report.failures
        ]

    @property
    def all_devices(self) -> tuple[Device, ...]:
        """The devices of all kinds, each once."""
        return _distinct(self.devices)

    def choose(self, names: Sequence[str]) -> Devices:
        """Limit the devices to some, by any of their names; an empty list means all.

        Raises:
            UnknownDeviceError: One of them is not in the account.
        """
        if not names:
            return self.devices
        device_ids = ids_of(self.all_devices, names)
        return {
            kind: tuple(device for device in devices if device.device_id in device_ids)
            for kind, devices in self.devices.items()
        }


def expect(
    lake: Lake, zone: str, lists: Sequence[DeviceList] = ()
) -> tuple[Devices, tuple[Device, ...]]:
    """Store the expected days of each device, and when history starts.

    All device lists count, whichever was requested last; the stored values are replaced.

    Returns:
        The devices of some lists, by kind, and those of all lists, each once.
    """
    by_list, unlisted, periods = _listed(lake)
    devices = _extended_all(lake, _by_kind((*by_list.values(), *_by_kinds(unlisted))), periods)
    expected = expected_of(lake, devices, zone)
    lake.expect(expected)
    if all_devices := _distinct(devices):
        lake.state.set(HISTORY_STARTS, {**_starts(expected, devices, all_devices, zone)})
    chosen = {
        d.device_id for kind in _by_kind(by_list[each] for each in lists).values() for d in kind
    }
    listed = {
        kind: tuple(device for device in of_kind if device.device_id in chosen)
        for kind, of_kind in devices.items()
    }
    return listed, all_devices


def expected_of(lake: Lake, devices: Devices, zone: str) -> pa.Table:
    """Return the expected days of devices, as `Lake.expect` takes them."""
    today = local_day(utc_now(), zone)
    _, unlisted, _ = _listed(lake)
    elsewhere = {device.device_id for found in unlisted.values() for device in found}
    tables = []
    for dataset in daily_datasets():
        others = elsewhere - {device.device_id for device in unlisted.get(dataset.name, ())}
        chosen = of_kinds(devices, dataset.device_kinds)
        chosen = tuple(device for device in chosen if device.device_id not in others)
        named = NAMED.of_devices(lake, dataset.name, (device.device_id for device in chosen))
        tables.append(expected_days(dataset.name, chosen, EARLIEST, today, zone, named))
    return pa.concat_tables(tables)


def _starts(
    expected: pa.Table, devices: Devices, all_devices: Sequence[Device], zone: str
) -> dict[str, str]:
    """Return the first day of each dataset, from the devices of its kinds where they have dates."""
    starts = {}
    for dataset in daily_datasets():
        chosen = of_kinds(devices, dataset.device_kinds)
        dated = chosen and all(device.commissioned_at is not None for device in chosen)
        of_dataset = expected.filter(pc.equal(expected["dataset"], dataset.name))
        named = pc.min(of_dataset["first_date"]).as_py()
        start = history_start(chosen if dated else all_devices, zone)
        starts[dataset.name] = min(start, named or start).isoformat()
    return starts


def extended_by_data(lake: Lake, devices: Devices) -> Devices:
    """Extend the times of devices to the days on which they have data.

    The lists' times are hints. Energies by month and year, and the days with rows, show more.
    """
    return _extended_all(lake, devices, energy_periods(_state_of(lake)))


def _extended_all(lake: Lake, devices: Devices, periods: Mapping[str, EnergyPeriod]) -> Devices:
    known = data_days(lake)
    return {
        kind: tuple(_extended(device, periods.get(device.device_id), known) for device in of_kind)
        for kind, of_kind in devices.items()
    }


def _extended(
    device: Device, period: EnergyPeriod | None, known: Mapping[str, tuple[date, date]]
) -> Device:
    begun_at, contact_at = device.commissioned_at, device.last_contact_at
    # A time that cannot be true is unknown.
    if begun_at is not None and begun_at > utc_now():
        begun_at = None
    if contact_at is not None and begun_at is not None and contact_at < begun_at:
        contact_at = None
    if period is not None:
        known_to = _midnight(period.first_period_end or period.first)
        # The commissioning is more exact than the month that it is in.
        if begun_at is None or known_to < begun_at:
            begun_at = _midnight(period.first)
        # The last month of a device that has been silent since has days without data.
        if contact_at is not None and contact_at < _midnight(period.last_start):
            contact_at = _midnight(min(period.last, utc_now().date()))
    if (rows := known.get(device.device_id)) is not None:
        # Only requested days have rows, so they do not show an unknown beginning.
        begun_at = begun_at and min(begun_at, _midnight(rows[0]))
        contact_at = contact_at and max(contact_at, _midnight(rows[1]))
    return replace(device, commissioned_at=begun_at, last_contact_at=contact_at)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def last_discovery(lake: Lake) -> Discovery | None:
    """Return the last discovery, without a request; None if there was none."""
    at = lake.state.get(DISCOVERED_AT)
    if at is None:
        return None
    return Discovery(known_devices(lake), (), msgspec.convert(at, datetime))


def known_devices(lake: Lake) -> Devices:
    """List the devices of the last discovery, without a request."""
    by_list, unlisted, periods = _listed(lake)
    return _extended_all(lake, _by_kind((*by_list.values(), *_by_kinds(unlisted))), periods)


def _listed(lake: Lake) -> _Listed:
    """Return the devices of each list, and when inverters had energy.

    A command asks several times; the tables are read again when the archive, any table, any index
    or the state has changed.
    """
    global _newest_listed
    state = (
        lake.folder,
        type(lake),
        lake.archive.last_segment(),
        lake.state.all(),
        states_of_file_sets(lake.folder),
    )
    # Another thread may ask about another folder meanwhile.
    newest = _newest_listed
    if newest is not None and newest[0] == state:
        return newest[1]
    known_state = _state_of(lake)
    with known_state.reading():
        by_list = {each: each.devices(known_state) for each in device_lists()}
        unlisted = _of_other_sources(known_state, by_list.values())
        listed = by_list, unlisted, energy_periods(known_state)
    _newest_listed = state, listed
    return listed


def _of_other_sources(state: KnownState, lists: Iterable[Devices]) -> _Unlisted:
    """Return devices that are in no list, but of which another source than the API has data.

    Only the days and datasets with data are expected of them.
    """
    listed = {device.device_id for devices in lists for kind in devices.values() for device in kind}
    found: dict[str, list[Device]] = {}
    for row in state.rows(read_sql("other_sources", __package__)):
        if row["device_id"] not in listed:
            days = _midnight(row["first_date"]), _midnight(row["last_date"])
            found.setdefault(row["dataset"], []).append(Device(row["device_id"], *days))
    return found


def _by_kinds(unlisted: _Unlisted) -> Iterator[Devices]:
    kinds = {dataset.name: dataset.device_kinds for dataset in daily_datasets()}
    for dataset, devices in unlisted.items():
        yield from ({kind: devices} for kind in kinds.get(dataset, ()))


def _state_of(lake: Lake) -> KnownState:
    return KnownState(lake=lake, devices={}, account="", now=utc_now(), zone="UTC", range_days=1)


def _by_kind(lists: Iterable[Devices]) -> Devices:
    """Merge lists; a device in several lists has the times of all of them."""
    by_kind: dict[DeviceKind, dict[str, Device]] = {}
    for listed in lists:
        for kind, devices in listed.items():
            by_id = by_kind.setdefault(kind, {})
            for device in devices:
                known = by_id.get(device.device_id)
                by_id[device.device_id] = known.united(device) if known else device
    return {
        kind: tuple(sorted(devices.values(), key=lambda device: device.device_id))
        for kind, devices in by_kind.items()
    }


def history_start(devices: Sequence[Device], zone: str) -> date:
    """Return the day of the earliest commissioning, in the account's time zone."""
    days = [local_day(d.commissioned_at, zone) for d in devices if d.commissioned_at is not None]
    return max(min(days, default=EARLIEST), EARLIEST)


def _distinct(devices: Devices) -> tuple[Device, ...]:
    return tuple({d.device_id: d for kind in devices.values() for d in kind}.values())
