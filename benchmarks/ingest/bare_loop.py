"""A bare fetch-and-write loop, as an engineer writes it in an afternoon.

    python -m benchmarks.ingest.bare_loop URL TOKEN FOLDER FIRST LAST SERIAL...

The yardstick of the ingestion benchmark. No archive, no validation, no retry, no budget, no state:
eight threads share one session; each fetches a device's day, flattens it and writes a Parquet file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
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


def run(url: str, token: str, folder: Path, days: Sequence[date], serials: Sequence[str]) -> None:
    """Fetch every day of every inverter into an empty folder, newest days first."""
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "Accept": "application/json"})
    session.mount("http://", HTTPAdapter(pool_maxsize=8))

    def fetch(day: date, serial: str) -> None:
        answer = session.get(
            f"{url}/inverter/{serial}/data-points/{day}", params={"pageSize": 100_000}, timeout=60
        )
        answer.raise_for_status()
        rows = flatten(serial, msgspec.json.decode(answer.content)["data"])
        pq.write_table(rows, folder / f"part-{serial}-{day}.parquet", compression="zstd")

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(fetch, day, one) for day in reversed(days) for one in serials]:
            done.result()


def flatten(serial: str, points: Sequence[dict[str, Any]]) -> pa.Table:
    """Make a row of each point and a column of each leaf; PV arrays are a list of structs."""
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
        for group, *ways in (("grid", "import", "export"), ("battery", "charge", "discharge")):
            inner = [part[group] for part in parts]
            for way in ways:
                columns[f"{period}_{group}_{way}"] = _floats([part.get(way) for part in inner])
    return pa.table(columns)


def _floats(values: list[float | None]) -> pa.Array:
    return pa.array(values, pa.float64())


def main(url: str, token: str, folder: str, first: str, last: str, *serials: str) -> None:
    """Run the loop over the days from first to last."""
    # Without a helper of the tests, which imports the simulator.
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    run(url, token, Path(folder), days, serials)


if __name__ == "__main__":
    main(*sys.argv[1:])
