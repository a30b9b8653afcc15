"""Which device-days to ask for, decided from the states in the archive and from nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from assets.framework.claims import Want
from assets.framework.dataset import Dataset
from assets.framework.devices import Device, day_is_over_at, expected_days
from assets.framework.states import day_states
from warehouse import Lake, State


@dataclass(frozen=True, slots=True)
class Plan:
    """What is there and what is to be asked for: `states` is a table by device and day."""

    states: pa.Table
    wants: tuple[Want, ...]


def plan(
    lake: Lake,
    dataset: Dataset,
    devices: Sequence[Device],
    start: date,
    end: date,
    zone: str,
    *,
    now: datetime,
    again: bool = False,
    refresh: bool = False,
    refused: bool = False,
) -> Plan:
    """Decide what to ask for between two days, both included, newest days first.

    Args:
        lake: the data folder.
        dataset: a dataset asked for by day.
        devices: those to look at.
        start: first day.
        end: last day.
        zone: IANA time zone in which days are understood.
        now: the present time, UTC.
        again: ask for every day anew, whatever is there.
        refresh: also ask anew for days that were last asked for before they were over, such as
            today; otherwise a day that is there is asked again only when that will make it final.
        refused: also ask for days to which access was refused, which may have been mended since.
    """
    states = day_states(
        lake,
        dataset,
        devices,
        expected_days(dataset.name, devices, start, end, zone),
        start,
        end,
        now=now,
    )
    wants = []
    ends = {day: day_is_over_at(day, zone) for day in states["request_date"].unique().to_pylist()}
    for device_id, day, state, fetched_at, due in zip(
        states["device_id"].to_pylist(),
        states["request_date"].to_pylist(),
        states["state"].to_pylist(),
        states["last_fetched_at"].to_pylist(),
        states["due"].to_pylist(),
        strict=True,
    ):
        open_when_fetched = (
            refresh and state == State.PROVISIONAL and fetched_at and fetched_at < ends[day]
        )
        if again or due or open_when_fetched or (refused and state == State.DENIED):
            wants.append(Want(device_id, day))
    wants.sort(key=lambda want: (-want.day.toordinal(), want.device_id))
    return Plan(states, tuple(wants))
