"""Draw where the time of `sync` with nothing new and of Work A goes, as SVG.

    python3 -m venv build/py-spy && build/py-spy/bin/pip install py-spy
    python -m benchmarks.peers.flame_graphs --py-spy build/py-spy/bin/py-spy
    python -m benchmarks.peers.flame_graphs --py-spy ... --against ../other-checkout

Writes `sync-after.svg` and `work-a-after.svg` into docs/performance, and the same of another
checkout as `-before`. py-spy samples all threads that are not idle, child processes included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import ROOT, measure, parser
from benchmarks.peers.checkouts import givlake_of, owner_of_checkout
from benchmarks.peers.commands import filled_folders
from benchmarks.peers.flame_picture import Frame, flames
from benchmarks.peers.machine import commit
from benchmarks.peers.work_a import DATASETS, account
from tests.support.owner import Owner

SYNC_RATE_HZ, WORK_A_RATE_HZ = 200, 100


def main() -> None:
    """Record both works of each checkout and write a picture of each."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--py-spy", default="py-spy", metavar="FILE", help="the program; default: py-spy")
    add("--against", type=Path, metavar="CHECKOUT", help="another checkout, with its own .venv")
    add("--folder", type=Path, default=ROOT / "docs/performance", help="where to write")
    add("--days", type=int, default=60, help="days of Work A")
    options = arguments.parse_args()
    checkouts = {"after": ROOT}
    if options.against:
        checkouts["before"] = options.against.absolute()
    # A path is looked up in the folder of each command otherwise.
    program = str(Path(options.py_spy).absolute()) if "/" in options.py_spy else options.py_spy
    # Before the first picture is written, which changes a file of this checkout.
    commits = {when: commit(checkout) for when, checkout in checkouts.items()}
    options.folder.mkdir(parents=True, exist_ok=True)

    def draw(name: str, title: str, command: Sequence[object], owner: Owner, rate_hz: int) -> None:
        raw = owner.folder / "stacks.txt"
        record = [program, "record", "--format", "raw", "--rate", rate_hz, "--subprocesses"]
        measure([*record, "--output", raw, "--", *command], owner)
        file = options.folder / f"{name}.svg"
        file.write_text(flames(title, Frame.of(raw.read_text())))
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB", flush=True)

    with filled_folders(checkouts) as (owners, _):
        for when, checkout in checkouts.items():
            title = f"`sync` with nothing new, {when} (commit {commits[when]})"
            sync = givlake_of(checkout, "sync")
            draw(f"sync-{when}", title, sync, owners[when], SYNC_RATE_HZ)
    with (
        account(3, options.days) as (control, first, last),
        tempfile.TemporaryDirectory() as parent,
    ):
        for when, checkout in checkouts.items():
            owner = owner_of_checkout(control, Path(parent) / when, checkout, *DATASETS)
            title = f"Work A, {when} (commit {commits[when]})"
            backfill = givlake_of(checkout, "backfill", "--start", first, "--end", last)
            draw(f"work-a-{when}", title, backfill, owner, WORK_A_RATE_HZ)


if __name__ == "__main__":
    main()
