"""What a sensible engineer writes in an afternoon: fetch days, flatten points, write Parquet.

The yardstick of the ingestion benchmark. No archive, no validation, no retry, no budget, no state:
eight threads share one session, each fetches a device's day and flattens it. What is written is one
file of each device's day, as such loops do, or one of each month at the end, which costs less.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import requests
from requests.adapters import HTTPAdapter

_ARRAYS = pa.list_(
    pa.struct(
        [
            ("array", pa.int64()),
            ("voltage", pa.float64()),
            ("current", pa.float64()),
            ("power", pa.float64()),
        ]
    )
)


def run(
    url: str,
    token: str,
    serials: Sequence[str],
    days: Sequence[str],
    folder: Path,
    *,
    by_month: bool = False,
) -> None:
    """Fetch every day of every inverter into `folder`, newest days first.

    Args:
        url: base URL of the API.
        token: bearer token.
        serials: inverters.
        days: days as YYYY-MM-DD.
        folder: an empty folder.
        by_month: hold all in memory and write a file of each month.
    """
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
    session.mount("http://", HTTPAdapter(pool_maxsize=8))

    def fetch(serial: str, day: str) -> pa.Table | None:
        answer = session.get(
            f"{url}/inverter/{serial}/data-points/{day}",
            params={"pageSize": 100_000},
            timeout=60,
        )
        answer.raise_for_status()
        rows = flatten(serial, orjson.loads(answer.content)["data"])
        if by_month:
            return rows
        pq.write_table(rows, folder / f"{serial}_{day}.parquet", compression="zstd")
        return None

    months: dict[str, list[pa.Table]] = {}
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            (day[:7], pool.submit(fetch, serial, day))
            for day in reversed(days)
            for serial in serials
        ]
        for month, job in jobs:
            if (rows := job.result()) is not None:
                months.setdefault(month, []).append(rows)
    for month, tables in months.items():
        pq.write_table(pa.concat_tables(tables), folder / f"{month}.parquet", compression="zstd")


def flatten(serial: str, points: Sequence[dict[str, Any]]) -> pa.Table:
    """One row per point, one column per leaf, PV arrays as a list of structs."""
    power = [point["power"] for point in points]
    columns = {
        "inverter_serial": pa.array([serial] * len(points)),
        "time": pa.array([point["time"] for point in points]).cast(pa.timestamp("us", tz="UTC")),
        "status": pa.array([point.get("status") for point in points], pa.string()),
        "is_metered": pa.array([point.get("is_metered") for point in points], pa.bool_()),
        "pv_arrays": pa.array([part["solar"].get("arrays") for part in power], _ARRAYS),
        "solar_power": _floats([part["solar"].get("power") for part in power]),
        "consumption_power": _floats([part["consumption"].get("power") for part in power]),
    }
    for group, names in (
        ("grid", ("voltage", "current", "power", "frequency")),
        ("battery", ("percent", "power", "temperature", "voltage")),
        ("inverter", ("temperature", "power", "output_voltage", "output_frequency", "eps_power")),
    ):
        parts = [part[group] for part in power]
        for name in names:
            columns[f"{group}_{name}"] = _floats([part.get(name) for part in parts])
    for period in ("today", "total"):
        parts = [point[period] for point in points]
        for name in ("solar", "consumption", "ac_charge"):
            columns[f"{period}_{name}"] = _floats([part.get(name) for part in parts])
        for group, names in (("grid", ("import", "export")), ("battery", ("charge", "discharge"))):
            inner = [part[group] for part in parts]
            for name in names:
                columns[f"{period}_{group}_{name}"] = _floats([part.get(name) for part in inner])
    return pa.table(columns)


def _floats(values: list[float | None]) -> pa.Array:
    return pa.array(values, pa.float64())
