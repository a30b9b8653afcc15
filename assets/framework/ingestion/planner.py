"""Which device-days to ask for, decided from the states in the archive and from nothing else."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device, day_is_over_at, expected_days
from assets.framework.ingestion.day_states import day_states
from warehouse import Lake, State


def plan(
    lake: Lake,
    dataset: DailyDataset,
    devices: Sequence[Device],
    start: date,
    end: date,
    zone: str,
    *,
    now: datetime,
    refetch: bool = False,
    refresh: bool = False,
    refused: bool = False,
) -> Iterator[pa.Table]:
    """Decide what to ask for between two days, both included.

    Args:
        lake: the data folder.
        dataset: whose days.
        devices: those to look at.
        start: first day.
        end: last day.
        zone: IANA time zone in which days are understood.
        now: the present time, UTC.
        refetch: ask for every day anew, whatever is there.
        refresh: also ask anew for days that were last asked for before they were over, such as
            today; otherwise a day that is there is asked again only when that will make it final.
        refused: also ask for days to which access was refused, which may have been mended since.

    Yields:
        The states (`day_states`) of the days to ask for, a table for each month, newest first.
    """
    expected = expected_days(dataset.name, devices, start, end, zone)
    for states in day_states(lake, dataset, expected, start, end, now=now):
        wanted = states["due"]
        if refetch:
            wanted = pc.is_valid(states["state"])
        if refused:
            wanted = pc.or_(wanted, pc.equal(states["state"], str(State.FORBIDDEN)))
        if refresh:
            wanted = pc.or_(wanted, _open_when_fetched(states, zone))
        yield states.filter(wanted)


def _open_when_fetched(states: pa.Table, zone: str) -> pa.ChunkedArray:
    """Tell which days were not over when they were last fetched."""
    days = pc.unique(states["request_date"])
    ends = pa.array(
        [day_is_over_at(day, zone) for day in days.to_pylist()], pa.timestamp("us", tz="UTC")
    )
    over_at = ends.take(pc.index_in(states["request_date"], days))
    early = pc.fill_null(pc.less(states["last_fetched_at"], over_at), False)
    open_states = pa.array([str(State.PROVISIONAL), str(State.NOT_BUILT)])
    return pc.and_(early, pc.is_in(states["state"], open_states))
