"""Ingestion against a bare fetch-and-write loop: CPU, wall, memory and requests, with ratios.

    python benchmarks/ingest_against_bare_loop.py --days 149 --latency 0 0.05

Each measurement is a fresh process with an empty folder against one simulator in a process of its
own, whose answers are made beforehand. Repetitions are interleaved, so that a busy machine disturbs
all alike; ratios are of CPU time, each of one repetition, and the median of them is given.

- bare: `ingest_bare_loop`, threads and libraries alike, no archive and no validation.
- lean: the same, but all in memory until a file of each month is written: the least there can be.
- work: givlake's discovery, plan, fetch, archive, decode, validation and tables, without Dagster.
- whole: the command `givlake backfill`.
- events: the runs of `whole` over days that are all there: Dagster, its events and the metadata.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from simulator.control import Control

_SELF = Path(__file__).resolve()
_ROOT = _SELF.parent.parent
_KINDS = ("bare", "lean", "work", "whole", "events")
_IMPORTS = {
    "bare": "import orjson, pyarrow.parquet, requests",
    "work": "import pipelines.discovery, assets.framework.ingestion.daily",
    "whole": "import pipelines.cli.main, pipelines.cli.runs",
}
_MB = 1e6


@dataclass(frozen=True, slots=True)
class Measurement:
    """One process: CPU of user and system, of which imports; peak memory; what it did."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    imports_s: float
    requests: int
    facts: Mapping[str, Any]

    @property
    def work_s(self) -> float:
        """CPU seconds without the imports."""
        return self.cpu_s - self.imports_s


# -- in the measured process ----------------------------------------------------------------------


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measured_bare(job: Mapping[str, Any], *, by_month: bool = False) -> dict[str, Any]:
    from ingest_bare_loop import run

    facts = {"imports_s": cpu_s()}
    asked = (job[name] for name in ("url", "token", "serials", "days"))
    run(*asked, Path(job["data"]), by_month=by_month)
    return facts


def measured_lean(job: Mapping[str, Any]) -> dict[str, Any]:
    return measured_bare(job, by_month=True)


def measured_work(job: Mapping[str, Any]) -> dict[str, Any]:
    from assets.framework.contract.devices import of_kinds
    from assets.framework.ingestion.daily import ingest
    from assets.inverter_data_points import DATASET
    from pipelines.discovery import discover
    from pipelines.selection import lists_for
    from pipelines.session_factory import open_session
    from pipelines.settings import load_settings

    facts: dict[str, Any] = {}
    stages = None
    if job["stages"]:
        from ingest_stages import Stages

        stages = Stages()
        stages.install()
    facts["imports_s"] = cpu_s()
    with open_session(load_settings()) as session:
        devices = of_kinds(discover(session, lists_for([DATASET])).devices, DATASET.device_kinds)
        days = [date.fromisoformat(day) for day in job["days"]]
        report = ingest(session, DATASET, devices, days[0], days[-1])
    assert not report.failures, report.failures[0]
    if stages is not None:
        facts["stages"] = dict(stages.seconds)
        facts["calls"] = dict(stages.calls)
    return facts


def measured_events(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run over what is there already, then count the metadata's queries by themselves."""
    from assets.framework.ingestion.report import Report
    from assets.framework.orchestration.asset_metadata import day_metadata
    from assets.inverter_data_points import DATASET
    from pipelines.definitions_factory import build_definitions, job_name
    from pipelines.instance import open_instance
    from pipelines.partitions import range_tags
    from pipelines.session_factory import open_lake
    from pipelines.settings import load_settings

    facts: dict[str, Any] = {"imports_s": cpu_s()}
    settings = load_settings()
    days = [date.fromisoformat(day) for day in job["days"]]
    months = [list(of) for _, of in groupby(days, lambda day: (day.year, day.month))]
    config = {"devices": [], "refetch": False, "refresh": False}
    definitions = build_definitions(settings)
    with open_instance(settings) as instance:
        for month in reversed(months):
            definitions.resolve_job_def(job_name(DATASET.name)).execute_in_process(
                instance=instance,
                tags=range_tags(month[0], month[-1]),
                run_config={
                    "ops": {DATASET.name: {"config": config}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
    before = cpu_s()
    facts["runs_s"] = before - facts["imports_s"]
    with open_lake(settings) as lake:
        for month in months:
            day_metadata(lake, DATASET, Report(), month)
    facts["metadata_s"] = cpu_s() - before
    return facts


def measured_rows(job: Mapping[str, Any]) -> dict[str, Any]:
    """What landed, read apart from the code that wrote it."""
    import pyarrow.parquet as pq

    data = Path(job["data"])
    tables = data / "tables" / "inverter_data_points"
    files = [path for path in (tables if tables.exists() else data).rglob("[!_]*.parquet")]
    quarantine = (data / "index" / "quarantine").rglob("[!_]*.parquet")
    # A row that came again unchanged is kept once and counted.
    seen = [pq.read_table(path, columns=["times_seen"])["times_seen"] for path in quarantine]
    return {
        "rows": sum(pq.read_metadata(path).num_rows for path in files),
        "quarantined": sum(sum(column.to_pylist()) for column in seen),
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
    }


# -- in the measuring process ---------------------------------------------------------------------


@contextmanager
def simulator(options: argparse.Namespace) -> Iterator[Control]:
    """Start a simulator that limits, fails and invents nothing, its answers made."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        arguments = {
            "--port-file": port_file,
            "--inverters": options.inverters,
            "--rows-per-day": options.rows_per_day,
            "--rate-limit": 1_000_000,
            "--empty-day-rate": 0,
            "--commissioned": date.today() - timedelta(days=options.days + 400),
        }
        command = [sys.executable, "-m", "simulator"]
        command += [str(part) for pair in arguments.items() for part in pair]
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL)
        try:
            for _ in range(200):
                if port_file.exists() and (port := port_file.read_text()):
                    break
                time.sleep(0.1)
            control = Control(f"http://127.0.0.1:{port}/v1", timeout_s=600)
            days = days_of(options)
            control.warm(days[0], days[-1])
            yield control
        finally:
            process.terminate()
            process.wait(30)


def days_of(options: argparse.Namespace) -> list[str]:
    """Days that are over, the oldest first."""
    last = date.today() - timedelta(days=10)
    return [(last - timedelta(days=back)).isoformat() for back in range(options.days)][::-1]


def measure(
    kind: str, control: Control, options: argparse.Namespace, data: Path, *, stages: bool = False
) -> Measurement:
    """Run one kind in a fresh process."""
    about = control.about()
    job = {
        "url": about["base_url"],
        "token": about["token"],
        "serials": [
            device["serial"] for device in about["devices"] if device["inverter"] == "present"
        ],
        "days": days_of(options),
        "data": str(data),
        "stages": stages,
    }
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")
    } | {
        "PYTHONPATH": str(_ROOT),
        "GIVENERGY_API_URL": job["url"],
        "GIVENERGY_API_TOKEN": job["token"],
        "GIVLAKE_DATA": str(data),
        "GIVLAKE_DATASETS": "inverter_data_points",
    }
    command = [sys.executable, str(_SELF), "--measured", kind, json.dumps(job)]
    if kind == "whole":
        span = ["--start", job["days"][0], "--end", job["days"][-1]]
        command = [sys.executable, "-m", "pipelines.cli", "backfill", *span]
    control.clear_requests()
    began = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, cwd=data, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{kind} ended with {process.returncode}:\n{said}")
    facts = {} if kind == "whole" else json.loads(said.splitlines()[-1])
    return Measurement(
        cpu_s=used.ru_utime + used.ru_stime,
        wall_s=wall_s,
        peak_bytes=used.ru_maxrss * 1024,
        imports_s=facts.pop("imports_s", 0.0),
        requests=len(control.requests()),
        facts=facts,
    )


def rows_of(data: Path) -> dict[str, Any]:
    """Count what landed in a folder."""
    job = json.dumps({"data": str(data)})
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    command = [sys.executable, str(_SELF), "--measured", "rows", job]
    counted: dict[str, Any] = json.loads(subprocess.check_output(command, env=environment))
    return counted


def imports(kind: str) -> tuple[float, int]:
    """CPU seconds and peak bytes of importing what a kind needs, with the interpreter's start."""
    process = subprocess.Popen(
        [sys.executable, "-c", _IMPORTS[kind]], env=os.environ | {"PYTHONPATH": str(_ROOT)}
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def series(
    control: Control, options: argparse.Namespace
) -> tuple[dict[str, list[Measurement]], dict[str, dict[str, Any]]]:
    """Measure all kinds, interleaved, and what each landed."""
    found: dict[str, list[Measurement]] = {kind: [] for kind in _KINDS}
    landed: dict[str, dict[str, Any]] = {}
    for repetition in range(options.repetitions):
        # `events` needs what `work` has made; apart from that the order changes.
        order = ("bare", "lean", "work", "whole")
        for kind in order if repetition % 2 == 0 else reversed(order):
            with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
                data = Path(folder)
                found[kind].append(measure(kind, control, options, data))
                landed.setdefault(kind, rows_of(data))
                if kind == "work":
                    found["events"].append(measure("events", control, options, data))
    return found, landed


def table(heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) + ("---:",) * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def report(found: dict[str, list[Measurement]], landed: dict[str, dict[str, Any]]) -> None:
    """Print figures and ratios: the median, and the least in brackets."""
    rows: list[tuple[object, ...]] = []
    for kind, runs in found.items():
        what = landed.get(kind, {})
        rows.append(
            (
                kind,
                _shown([run.cpu_s for run in runs]),
                _shown([run.work_s for run in runs]) if runs[0].imports_s else "",
                _shown([run.wall_s for run in runs]),
                f"{max(run.peak_bytes for run in runs) / _MB:.0f}",
                runs[0].requests,
                f"{what['rows']:,}" if what else "",
                what.get("quarantined", ""),
                f"{what['bytes'] / _MB:.1f} in {what['files']}" if what else "",
            )
        )
    print(
        table(
            ("", "CPU s", "CPU s without imports", "wall s", "peak MB", "requests", "rows",
             "quarantined", "table MB, files"),
            rows,
        )
    )  # fmt: skip
    bare, lean, work, whole = (found[kind] for kind in ("bare", "lean", "work", "whole"))
    pairs = (
        ("work over bare, CPU without imports", work, bare, "work_s"),
        ("work over bare, CPU of the process", work, bare, "cpu_s"),
        ("whole over bare, CPU of the process", whole, bare, "cpu_s"),
        ("work over lean, CPU without imports", work, lean, "work_s"),
        ("whole over lean, CPU of the process", whole, lean, "cpu_s"),
        ("work over bare, wall", work, bare, "wall_s"),
        ("whole over bare, wall", whole, bare, "wall_s"),
    )
    ratios = []
    for name, over, under, figure in pairs:
        each = [getattr(a, figure) / getattr(b, figure) for a, b in zip(over, under, strict=True)]
        least = min(getattr(a, figure) for a in over) / min(getattr(b, figure) for b in under)
        ratios.append((name, f"{median(each):.2f}", f"{min(each):.2f}-{max(each):.2f}",
                       f"{least:.2f}"))  # fmt: skip
    print(table(("ratio", "median", "range", "of the least"), ratios))
    runs_s = median([run.facts["runs_s"] for run in found["events"]])
    metadata_s = median([run.facts["metadata_s"] for run in found["events"]])
    print(
        f"Dagster's runs over days that are there: {runs_s:.2f} s of CPU, of which the metadata's"
        f" queries {metadata_s:.2f} s.\n"
    )


def report_stages(runs: list[Measurement]) -> None:
    """Print what the CPU of `work` is spent on."""
    names = sorted({name for run in runs for name in run.facts["stages"]})
    spent = {name: median([run.facts["stages"].get(name, 0.0) for run in runs]) for name in names}
    total = median([run.work_s for run in runs])
    calls = runs[0].facts["calls"]
    rows: list[tuple[object, ...]] = [
        (name, f"{seconds:.2f}", f"{seconds / total:.0%}", calls[name])
        for name, seconds in sorted(spent.items(), key=lambda item: -item[1])
    ]
    rest = total - sum(spent.values())
    rows.append(("all else, pyarrow's threads included", f"{rest:.2f}", f"{rest / total:.0%}", ""))
    rows.append(("together", f"{total:.2f}", "100%", ""))
    print(table(("stage of `work`", "CPU s", "share", "calls"), rows))


def _shown(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f})"


def main() -> None:
    """Measure and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("--days", type=int, default=60, help="days of each inverter")
    add("--inverters", type=int, default=3, help="inverters")
    add("--rows-per-day", type=int, default=810, help="mean data points of a day")
    add("--latency", type=float, nargs="+", default=[0.0], help="s that an answer takes; several")
    add("--repetitions", type=int, default=3, help="how often each is measured")
    options = parser.parse_args()
    print(
        f"{options.inverters} inverters x {options.days} days, {options.rows_per_day} points a day,"
        f" {options.repetitions} repetitions\n"
    )
    apart = [(kind, *zip(*(imports(kind) for _ in range(3)), strict=True)) for kind in _IMPORTS]
    print(
        table(
            ("imports of", "CPU s", "peak MB"),
            [(kind, _shown(list(cpu)), f"{max(peak) / _MB:.0f}") for kind, cpu, peak in apart],
        )
    )
    with simulator(options) as control:
        for latency_s in options.latency:
            control.configure(latency_s=latency_s)
            print(f"Latency {latency_s * 1000:.0f} ms\n", flush=True)
            report(*series(control, options))
        control.configure(latency_s=0.0)
        staged = []
        for _ in range(options.repetitions):
            with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
                staged.append(measure("work", control, options, Path(folder), stages=True))
        report_stages(staged)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measured"]:
        measured = globals()[f"measured_{sys.argv[2]}"]
        print(json.dumps(measured(json.loads(sys.argv[3]))))
    else:
        main()
