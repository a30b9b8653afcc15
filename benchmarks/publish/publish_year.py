"""Measure publishing a year of 100 inverters: first, nothing new, one more day, nothing new.

    python -m benchmarks.publish.publish_year FOLDER [--devices 100] [--days 365] [--s3]

The data folder is made as in `benchmarks.stores.fleet`. With `--s3` the target is a SeaweedFS
server on loopback, else a folder. Each step runs in a process of its own that has imported what
givlake imports.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.common import ROOT, heading, measure, new_folder, parser, print_load, row
from benchmarks.stores import fleet
from benchmarks.stores.measurements import SPEC, entry
from tests.support.object_store import BUCKET, ObjectStore, credentials_of, objects_of
from tests.support.owner import Owner
from warehouse.catalogue import publish as publish_catalogue
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import PublicationOptions, Publishable, publish_folder
from warehouse.tables.build import build

STEP = "import pipelines.definitions, benchmarks.publish.publish_year as year; year.main()"


def publish(options: argparse.Namespace) -> str:
    """Publish what has changed."""
    target = _target(options)
    with Lake(options.folder) as lake:
        found = Publishable([fleet.StreamDecoder()])
        done = publish_folder(lake, target, "north", found, PublicationOptions())
    (table,) = done.tables
    return (
        f"{table.commits} commits, {table.files:,} files, {table.rows:,} rows,"
        f" {table.bytes / 1e6:,.1f} MB"
    )


def count_objects(options: argparse.Namespace) -> str:
    """Count what is in the target."""
    target = _target(options)
    if target.folder is not None:
        sizes = [path.stat().st_size for path in target.folder.rglob("*") if path.is_file()]
    else:
        sizes = [len(content) for content in objects_of(target.url, target.options).values()]
    return f"{len(sizes):,} objects, {sum(sizes) / 1e6:,.1f} MB"


def one_more_day(options: argparse.Namespace) -> str:
    """Archive and build a day after the others."""
    day = fleet.START + timedelta(days=options.days)
    body = fleet.day_body(day, options.points, 1)
    with Lake(options.folder) as lake:
        for number in range(options.devices):
            name = fleet.device_name(number)
            lake.archive.append([entry(name, day, body, options.points)])
        lake.archive.flush()
        report = build(lake, fleet.StreamDecoder())
        publish_catalogue(lake, [SPEC])
    return f"{report.rows('new'):,} new rows"


STEPS: dict[str, Callable[[argparse.Namespace], str]] = {
    "imports": lambda _: "",
    "archive": fleet.archive,
    "build": fleet.build_tables,
    "publish, first": publish,
    "publish, nothing new": publish,
    "objects": count_objects,
    "one more day": one_more_day,
    "publish, one more day": publish,
    "publish, nothing new again": publish,
    "objects then": count_objects,
}


def _target(options: argparse.Namespace) -> DeltaTarget:
    if options.endpoint:
        return DeltaTarget(f"s3://{BUCKET}/year", credentials_of(options.endpoint))
    return DeltaTarget(str(options.folder.with_name(f"{options.folder.name}-published")), {})


def main() -> None:
    """Run the steps, each in its own process, and print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--devices", type=int, default=100)
    arguments.add_argument("--days", type=int, default=365)
    arguments.add_argument("--points", type=int, default=288, help="points of a day")
    arguments.add_argument("--s3", action="store_true", help="publish to an S3 server")
    arguments.add_argument("--keep", action="store_true", help="use the data folder that is there")
    arguments.add_argument("--endpoint", default="", help="the S3 server of a step")
    arguments.add_argument("--step", choices=STEPS, help="run one step in this process")
    options = arguments.parse_args()
    if options.step:
        print(STEPS[options.step](options))
        return
    folder = options.folder.resolve() if options.keep else new_folder(options.folder)
    new_folder(folder.with_name(f"{folder.name}-published"))
    store = ObjectStore(new_folder(folder.with_name(f"{folder.name}-s3"))) if options.s3 else None
    owner = Owner(folder, {"PYTHONPATH": str(ROOT)}, token=None)
    print_load()
    print(heading("step", "wall s", "CPU s", "peak MB", "what"))
    for step in STEPS:
        if options.keep and step in ("archive", "build"):
            continue
        given = [f"--{name}={getattr(options, name)}" for name in ("devices", "days", "points")]
        given.append(f"--endpoint={store.endpoint if store else ''}")
        used = measure([sys.executable, "-c", STEP, folder, *given, "--step", step], owner)
        figures = [f"{used.wall_s:.1f}", f"{used.cpu_s:.1f}", f"{used.peak_bytes / 1e6:.0f}"]
        print(row(step, *figures, used.output.strip()), flush=True)
    print_load()
    if store is not None:
        store.stop()


if __name__ == "__main__":
    main()
