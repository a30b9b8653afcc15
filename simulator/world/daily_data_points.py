"""The data points that a path date selects: those of a local or UTC day, visible at a moment.

Belongs here: assembling a day from generated points, recordings, anomalies and replaced rows. Does
not belong here: generating points (`data_point_generator`), paging them.
"""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from simulator.config import SimulatorConfig
from simulator.seeded_random import Integers, uniform_of
from simulator.world import anomalies
from simulator.world.data_point_generator import DataPointGenerator, GeneratedDataPoint
from simulator.world.households import Households
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import utc_span
from simulator.world.lru_cache import LruCache

_DAYS_KEPT = 32
_LOCAL_DAYS_KEPT = 4
_FINISHED_KEPT = 100_000
_GENERATORS_KEPT = 2_048
# Those of version 1.53 that a point has seldom.
_RARE_STATUSES = ("LOST", "ERROR", "WARNING", "UPDATING", "BYPASS", "OFF_GRID", "ON_GRID")


@dataclass(frozen=True, slots=True)
class DayOfDataPoints:
    """A day's rows as JSON texts, oldest first, with the moments from which each is visible.

    `recorded` is a recording's whole body; `revision` distinguishes replacements of the same
    day's rows.
    """

    rows: Sequence[bytes]
    visible_s: Integers
    anomalous_rows: Sequence[anomalies.AnomalousRow] = ()
    recorded: bytes | None = None
    revision: int = 0

    def visible_at(self, now_s: float) -> Sequence[bytes]:
        """Return the rows visible at an epoch second."""
        visible = self.visible_s <= now_s
        if visible.all():
            return self.rows
        return [self.rows[i] for i in np.flatnonzero(visible).tolist()]


EMPTY_DAY = DayOfDataPoints((), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class DayVersion:
    """Identifies the state of a day without its rows.

    Rows only ever become visible, so their number suffices; `recorded` says that a recording
    replaces the day.
    """

    revision: int
    rows: int
    recorded: bool = False


class DailyDataPoints:
    """The days of all devices. Safe to use from several threads."""

    def __init__(
        self, config: SimulatorConfig, households: Households, recorded_serial: str | None
    ) -> None:
        """Use recordings for the inverter with `recorded_serial`."""
        self._config = config
        self._recorded_serial = recorded_serial
        self._households = households
        self._calendar = households.calendar
        self._generators: LruCache[str, DataPointGenerator] = LruCache(_GENERATORS_KEPT)
        self._local: LruCache[tuple[str, int], list[GeneratedDataPoint]] = LruCache(
            _LOCAL_DAYS_KEPT
        )
        self._days: LruCache[tuple[str, dt.date], DayOfDataPoints] = LruCache(_DAYS_KEPT)
        self._finished: LruCache[tuple[str, dt.date], tuple[int, DayVersion]] = LruCache(
            _FINISHED_KEPT
        )
        self._replaced: dict[tuple[str, dt.date], DayOfDataPoints] = {}
        self._revision = 0
        self._lock = threading.Lock()

    def day(self, device: SimulatedDevice, date: dt.date, now: dt.datetime) -> DayOfDataPoints:
        """Return the day of a device; an empty one if it is later than `now`."""
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
                return EMPTY_DAY
            return self._days.put(key, self._generate(device, date, *span))

    def version(self, device: SimulatedDevice, date: dt.date, now: dt.datetime) -> DayVersion:
        """Return the version of a day at `now`; fast for a day that was complete before."""
        key = (device.serial, date)
        now_s = now.timestamp()
        with self._lock:
            finished = self._finished.get(key)
        if finished is not None and finished[0] <= now_s:
            return finished[1]
        day = self.day(device, date, now)
        version = DayVersion(day.revision, len(day.visible_at(now_s)), day.recorded is not None)
        if day is not EMPTY_DAY and version.rows == len(day.rows):
            last_s = int(day.visible_s.max()) if version.rows else 0
            with self._lock:
                if day.revision == self._revision_of(key):
                    self._finished.put(key, (last_s, version))
        return version

    def _revision_of(self, key: tuple[str, dt.date]) -> int:
        return self._replaced[key].revision if key in self._replaced else 0

    def replace_rows(
        self, device: SimulatedDevice, date: dt.date, rows: Sequence[Any] | None
    ) -> None:
        """Make a day contain exactly these rows (any JSON) at once; None undoes it."""
        key = (device.serial, date)
        with self._lock:
            self._finished.values.pop(key, None)
            if rows is None:
                self._replaced.pop(key, None)
                return
            self._revision += 1
            texts = [msgspec.json.encode(row) for row in rows]
            self._replaced[key] = DayOfDataPoints(
                texts, np.zeros(len(texts), np.int64), revision=self._revision
            )

    def _recording(self, device: SimulatedDevice, date: dt.date) -> Path | None:
        if self._config.recordings is None or device.serial != self._recorded_serial:
            return None
        file = self._config.recordings / f"inverter_data_points_{date.isoformat()}.json"
        return file if file.is_file() else None

    def _span(self, device: SimulatedDevice, date: dt.date) -> tuple[int, int]:
        ordinal = date.toordinal()
        span = utc_span(ordinal) if device.gateway else self._calendar.span(ordinal)
        return span.start_s, span.end_s

    def _generate(
        self, device: SimulatedDevice, date: dt.date, start_s: int, end_s: int
    ) -> DayOfDataPoints:
        seed = self._config.seed
        if is_offline(self._config, device, date):
            return EMPTY_DAY
        points = [
            point
            for ordinal in self._calendar.ordinals_covering(start_s, end_s)
            for point in self._local_day(device, ordinal)
            if start_s <= point.time_s < end_s
        ]
        points, anomalous = anomalies.add_anomalies(
            points, self._config.anomalies, seed, device.serial, date
        )
        return DayOfDataPoints(
            rows=[point.text for point in points],
            visible_s=np.array([point.visible_s for point in points], np.int64),
            anomalous_rows=anomalous,
        )

    def _local_day(self, device: SimulatedDevice, ordinal: int) -> list[GeneratedDataPoint]:
        key = (device.serial, ordinal)
        known = self._local.get(key)
        if known is None:
            known = self._local.put(key, self._generator(device).local_day(ordinal))
        return known

    def _generator(self, device: SimulatedDevice) -> DataPointGenerator:
        generator = self._generators.get(device.serial)
        if generator is None:
            generator = DataPointGenerator(
                self._households.of(device),
                self._calendar,
                rows_per_day=self._config.rows_per_day,
                gateway=device.gateway,
                rare_statuses=_RARE_STATUSES if self._config.has_version("1.53") else (),
            )
            self._generators.put(device.serial, generator)
        return generator


def is_offline(config: SimulatorConfig, device: SimulatedDevice, date: dt.date) -> bool:
    """Return whether a device was offline all day, so that nothing was ever received."""
    return uniform_of("offline", config.seed, device.serial, date) < config.empty_day_rate


def _recorded_day(file: Path) -> DayOfDataPoints:
    body = file.read_bytes()
    rows = [msgspec.json.encode(row) for row in msgspec.json.decode(body)["data"]]
    return DayOfDataPoints(rows, np.zeros(len(rows), np.int64), recorded=body)
