"""Decode a day of data points: the fixed work whose instructions and allocations are counted."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.decoding.unarchived_response import unarchived_response
from assets.inverter_data_points import DATASET
from warehouse.archive import ArchivedResponse

POINTS = 810
_DAY = date(2025, 6, 3)


def point(number: int) -> dict[str, Any]:
    """Return the data point of a number of 100 seconds of the day."""
    seconds = number * 100
    energy = {
        "solar": number / 10,
        "grid": {"import": number / 20, "export": number / 30},
        "battery": {"charge": number / 40, "discharge": number / 50},
        "consumption": number / 15,
        "ac_charge": 0,
    }
    array = {"voltage": 240.5, "current": 1.5, "power": number}
    return {
        "time": f"{_DAY}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z",
        "status": "NORMAL",
        "power": {
            "solar": {"power": number, "arrays": [{"array": one, **array} for one in (1, 2)]},
            "grid": {"voltage": 240, "current": 1.5, "power": -number, "frequency": 50.01},
            "battery": {"percent": 50, "power": number, "temperature": 20},
            "consumption": {"power": number},
            "inverter": {
                "temperature": 30.5,
                "power": number,
                "output_voltage": 240.1,
                "output_frequency": 50,
                "eps_power": 0,
            },
        },
        "today": energy,
        "total": energy,
        "is_metered": True,
    }


def answer(points: int = POINTS) -> ArchivedResponse:
    """Return an answer with so many points, as if it came from the archive."""
    body = json.dumps({"data": [point(number) for number in range(points)]}).encode()
    return unarchived_response(
        DATASET, body, device_id="SIM0001", request_date=_DAY, zone="Europe/London"
    )


def decode(response: ArchivedResponse) -> int:
    """Decode an answer and return how many rows it has."""
    return int(DatasetDecoder(DATASET).decode([response]).tables[DATASET.name].num_rows)
