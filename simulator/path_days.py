"""What a path date selects: the points of a local or a UTC day that are visible at a moment.

Belongs here: assembling a day's answer out of points, recordings, planted oddities and replaced
rows. Does not belong here: inventing points, paging them.
"""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from simulator import odd
from simulator.config import SimulatorConfig
from simulator.devices import Device
from simulator.households import Households
from simulator.local_time import utc_span
from simulator.noise import Integers, one_uniform
from simulator.points import Point, PointSource
from simulator.recent import Recent

_DAYS_KEPT = 32
_LOCAL_DAYS_KEPT = 4
_FINISHED_KEPT = 100_000
_SOURCES_KEPT = 2_048


@dataclass(frozen=True, slots=True)
class PathDay:
    """A day's rows as JSON texts, oldest first, with the moments from which each is visible.

    ``recorded`` is a recording's whole body; ``revision`` tells apart what replaced rows made of
    the same day.
    """

    rows: Sequence[bytes]
    visible_s: Integers
    odd_rows: Sequence[odd.OddRow] = ()
    recorded: bytes | None = None
    revision: int = 0

    def at(self, now_s: float) -> Sequence[bytes]:
        """The rows visible at an epoch second."""
        visible = self.visible_s <= now_s
        if visible.all():
            return self.rows
        return [self.rows[i] for i in np.flatnonzero(visible).tolist()]


NOTHING = PathDay((), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Content:
    """What tells one state of a day from another, without its rows.

    Rows only ever become visible, so their number does; ``recorded`` says that a recording stands
    for the day.
    """

    revision: int
    rows: int
    recorded: bool = False


class PathDays:
    """All days of all devices. Safe to use from several threads."""

    def __init__(
        self, config: SimulatorConfig, households: Households, recorded_serial: str | None
    ) -> None:
        """Recordings stand for the inverter with ``recorded_serial``."""
        self._config = config
        self._recorded_serial = recorded_serial
        self._households = households
        self._calendar = households.calendar
        self._sources: Recent[str, PointSource] = Recent(_SOURCES_KEPT)
        self._local: Recent[tuple[str, int], list[Point]] = Recent(_LOCAL_DAYS_KEPT)
        self._days: Recent[tuple[str, dt.date], PathDay] = Recent(_DAYS_KEPT)
        self._finished: Recent[tuple[str, dt.date], tuple[int, Content]] = Recent(_FINISHED_KEPT)
        self._replaced: dict[tuple[str, dt.date], PathDay] = {}
        self._revision = 0
        self._lock = threading.Lock()

    def day(self, device: Device, date: dt.date, now: dt.datetime) -> PathDay:
        """The day of a device; nothing if it lies in the future of ``now``."""
        key = (device.serial, date)
        with self._lock:
            if key in self._replaced:
                return self._replaced[key]
            known = self._days.get(key)
            if known is not None:
                return known
            recording = self._recording(device, date)
            if recording is not None:
                return self._days.put(key, _recorded_day(recording))
            span = self._span(device, date)
            if span[0] > now.timestamp() or date < device.commissioned:
                return NOTHING
            return self._days.put(key, self._invent(device, date, *span))

    def content(self, device: Device, date: dt.date, now: dt.datetime) -> Content:
        """What the day holds at ``now``; quick for a day that was once looked at when over."""
        key = (device.serial, date)
        now_s = now.timestamp()
        with self._lock:
            finished = self._finished.get(key)
        if finished is not None and finished[0] <= now_s:
            return finished[1]
        day = self.day(device, date, now)
        content = Content(day.revision, len(day.at(now_s)), day.recorded is not None)
        if day is not NOTHING and content.rows == len(day.rows):
            last_s = int(day.visible_s.max()) if content.rows else 0
            with self._lock:
                if day.revision == self._revision_of(key):
                    self._finished.put(key, (last_s, content))
        return content

    def _revision_of(self, key: tuple[str, dt.date]) -> int:
        return self._replaced[key].revision if key in self._replaced else 0

    def replace_rows(self, device: Device, date: dt.date, rows: Sequence[Any] | None) -> None:
        """Makes a day hold exactly these rows (any JSON) at once; None undoes it."""
        key = (device.serial, date)
        with self._lock:
            self._finished.values.pop(key, None)
            if rows is None:
                self._replaced.pop(key, None)
                return
            self._revision += 1
            texts = [orjson.dumps(row) for row in rows]
            self._replaced[key] = PathDay(
                texts, np.zeros(len(texts), np.int64), revision=self._revision
            )

    def _recording(self, device: Device, date: dt.date) -> Path | None:
        if self._config.recordings is None or device.serial != self._recorded_serial:
            return None
        file = self._config.recordings / f"inverter_data_points_{date.isoformat()}.json"
        return file if file.is_file() else None

    def _span(self, device: Device, date: dt.date) -> tuple[int, int]:
        ordinal = date.toordinal()
        span = utc_span(ordinal) if device.gateway else self._calendar.span(ordinal)
        return span.start_s, span.end_s

    def _invent(self, device: Device, date: dt.date, start_s: int, end_s: int) -> PathDay:
        seed = self._config.seed
        if is_offline(self._config, device, date):
            return NOTHING
        points = [
            point
            for ordinal in self._calendar.ordinals_covering(start_s, end_s)
            for point in self._local_day(device, ordinal)
            if start_s <= point.time_s < end_s
        ]
        points, planted = odd.plant(points, self._config.odd, seed, device.serial, date)
        return PathDay(
            rows=[point.text for point in points],
            visible_s=np.array([point.visible_s for point in points], np.int64),
            odd_rows=planted,
        )

    def _local_day(self, device: Device, ordinal: int) -> list[Point]:
        key = (device.serial, ordinal)
        known = self._local.get(key)
        if known is None:
            known = self._local.put(key, self._source(device).local_day(ordinal))
        return known

    def _source(self, device: Device) -> PointSource:
        source = self._sources.get(device.serial)
        if source is None:
            source = PointSource(
                self._households.of(device),
                self._calendar,
                rows_per_day=self._config.rows_per_day,
                gateway=device.gateway,
            )
            self._sources.put(device.serial, source)
        return source


def is_offline(config: SimulatorConfig, device: Device, date: dt.date) -> bool:
    """Whether a device was offline all day, so that nothing was ever received."""
    return one_uniform("offline", config.seed, device.serial, date) < config.empty_day_rate


def _recorded_day(file: Path) -> PathDay:
    body = file.read_bytes()
    rows = [orjson.dumps(row) for row in orjson.loads(body)["data"]]
    return PathDay(rows, np.zeros(len(rows), np.int64), recorded=body)
