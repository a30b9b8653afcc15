"""Real `givlake backfill` processes under the real limit: windows, 429s and time over the ideal.

    python -m benchmarks.budget_backfill [--processes 4] [--days 253]

Starts the simulator with 3 inverters, 300 requests a minute, 50 ms latency, and as many backfills
of the same days at once, Dagster and all. The ideal is 60 s for each full window before the last
request.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from simulator.control import Control

_FIRST = date(2024, 6, 1)
_LIMIT, _WINDOW_S = 300, 60.0


def main() -> None:
    """Run and print one line of figures, and the use of each window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--days", type=int, default=253)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        server = subprocess.Popen(
            [
                sys.executable,
                *("-m", "simulator", "--port", "0", "--port-file", str(port_file)),
                *("--inverters", "3", "--token", "bench", "--commissioned", "2024-01-01"),
                *("--latency", "0.05"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not port_file.exists() or not port_file.read_text():
                time.sleep(0.05)
            address = f"http://127.0.0.1:{port_file.read_text()}"
            said = _backfill(address, Path(folder), given.processes, given.days)
            _print(Control(address).stats(), said)
        finally:
            server.terminate()
            server.wait()


def _backfill(address: str, folder: Path, processes: int, days: int) -> list[str]:
    environment = {
        **os.environ,
        "GIVENERGY_API_URL": f"{address}/v1",
        "GIVENERGY_API_TOKEN": "bench",
        "GIVLAKE_DATA": str(folder / "data"),
        "GIVLAKE_DATASETS": "inverter_data_points",
    }
    last = _FIRST + timedelta(days=days - 1)
    command = [
        sys.executable,
        *("-m", "pipelines.cli", "backfill", "--start", f"{_FIRST}", "--end", f"{last}"),
    ]
    running = [
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(processes)
    ]
    return [process.communicate()[0] for process in running]


def _print(stats: dict[str, object], said: list[str]) -> None:
    requests = int(str(stats["requests"]))
    span_s = float(str(stats["last_at"])) - float(str(stats["first_at"]))
    ideal_s = _WINDOW_S * ((requests - 1) // _LIMIT)
    grants = [found[1] for text in said if (found := re.search(r"with ([\d,]+) request", text))]
    print(
        f"{len(said)} processes: {requests} requests, {stats['limited']} x 429,"
        f" {span_s:.1f} s over an ideal of {ideal_s:.0f} s = {span_s / ideal_s:.3f};"
        f" requests by process {', '.join(grants)}"
    )
    for windows in dict(stats["windows"]).values():  # type: ignore[call-overload]
        print("used of each window:", ", ".join(str(window["used"]) for window in windows))


if __name__ == "__main__":
    main()
