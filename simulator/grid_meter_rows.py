"""History of an inverter's own grid meter, which only later versions of the API have.

Belongs here: the range asked for and the meter's rows. Does not belong here: the energy behind it
(``readings``). The shape is a guess: no contract and no recording shows it.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.answers import ApiError
from simulator.listings import LazyRows, Parameters
from simulator.noise import Floats, Integers, key_of, spread
from simulator.readings import Readings, as_written, readings
from simulator.world import World

ADDRESS = 1  # where the device lists name a meter
_ADDRESSES = range(1, 9)
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class GridMeterRows:
    """The listing "inverter-meter-data", oldest first: an address between two times."""

    def __init__(self, world: World) -> None:
        """Of all inverters of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The rows within the range, both ends included; none at an address without a meter."""
        device = self._world.inverter(device_id)
        if device is None:
            raise KeyError(f"The simulator has no inverter {device_id!r}.")
        now_s = int(self._world.now().timestamp())
        address, start_s, end_s = _range(parameters, now_s)
        if address != ADDRESS:
            return []
        every_s = self._world.config.meter_rows_every_s
        households = self._world.households
        calendar = households.calendar
        begun_s = calendar.span(device.commissioned.toordinal()).start_s
        first = -(-max(start_s, begun_s) // every_s)
        last = end_s // every_s
        key = key_of(households.of(device).key, "meter")

        def rows(shown: slice) -> list[dict[str, Any]]:
            times = np.arange(first + shown.start, first + shown.stop) * every_s
            made: list[dict[str, Any]] = []
            while len(made) < len(times):
                left = times[len(made) :]
                day = dt.datetime.fromtimestamp(int(left[0]), calendar.zone).toordinal()
                left = left[left < calendar.span(day).end_s]
                reading = readings(households, device, day, left)
                made += _rows(key, left, reading)
            return made

        return LazyRows(max(last - first + 1, 0), rows)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Those of the address whose time lies within the range."""
        address, start_s, end_s = _range(parameters, int(self._world.now().timestamp()))
        start, end = _text(start_s), _text(end_s)
        return [row for row in rows if row["address"] == address and start <= row["time"] <= end]


def _rows(key: int, times: Integers, reading: Readings) -> list[dict[str, Any]]:
    volts = 243 + 6 * spread(key, times)
    hertz = 50 + 0.15 * spread(key + 1, times)
    reactive = 0.1 * reading.load_w + 20 * spread(key + 2, times)
    apparent = np.hypot(reading.grid_w, reactive)
    columns = zip(
        times.tolist(),
        _decimals(volts, 1),
        _decimals(apparent / volts, 2),
        np.rint(reading.grid_w).astype(int).tolist(),
        np.rint(reactive).astype(int).tolist(),
        np.rint(apparent).astype(int).tolist(),
        _decimals(reading.grid_w / np.maximum(apparent, 1), 3),
        _decimals(hertz, 2),
        _decimals(reading.imported_kwh, 1),
        _decimals(reading.exported_kwh, 1),
        strict=True,
    )
    return [
        {
            "time": _text(time_s),
            "address": ADDRESS,
            "voltage": voltage,
            "current": current,
            "active_power": active,
            "reactive_power": reactive_power,
            "apparent_power": apparent_power,
            "power_factor": factor,
            "frequency": frequency,
            "import_active_energy": imported,
            "export_active_energy": exported,
        }
        for (
            time_s, voltage, current, active, reactive_power, apparent_power, factor, frequency,
            imported, exported,
        ) in columns
    ]  # fmt: skip


def _decimals(values: Floats, digits: int) -> list[float | int]:
    return [as_written(value, digits) for value in values.tolist()]


def _range(parameters: Parameters, now_s: int) -> tuple[int, int, int]:
    """Address, start and end in epoch seconds. Raises ``ApiError`` 422."""
    errors = {}
    seconds = {}
    address = str(parameters.get("address", ""))
    if not address:
        errors["address"] = "The address field is required."
    elif address not in map(str, _ADDRESSES):
        errors["address"] = "The address must be between 1 and 8."
    for name in ("start_time", "end_time"):
        said = name.replace("_", " ")
        try:
            moment = dt.datetime.strptime(str(parameters[name]), _FORMAT)
            seconds[name] = int(moment.replace(tzinfo=dt.UTC).timestamp())
        except KeyError:
            errors[name] = f"The {said} field is required."
        except ValueError:
            errors[name] = f"The {said} is not a valid date."
        else:
            if seconds[name] > now_s:
                errors[name] = f"The {said} must be a date before or equal to now."
    if len(seconds) == 2 and seconds["end_time"] < seconds["start_time"]:
        errors["end_time"] = "The end time must be a date after or equal to start time."
    if errors:
        raise ApiError.invalid(**errors)
    return int(address), seconds["start_time"], seconds["end_time"]


def _text(time_s: int) -> str:
    return dt.datetime.fromtimestamp(time_s, dt.UTC).strftime(_FORMAT)
