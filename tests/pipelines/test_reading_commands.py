"""Reading commands only read: whatever the state of a data folder, they leave it as it is."""

import hashlib
import json
import shutil
import subprocess
import time
from datetime import date

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner, finished
from tests.support.simulator_truth import days_between, expected_rows
from warehouse.lake import Lake

pytestmark = pytest.mark.slow

POINTS = "inverter_data_points"
DAYS = days_between(date(2025, 6, 1), date(2025, 6, 3))
REPAIR = "repair with: givlake build"
COUNT = f"SELECT count(*) AS n FROM {POINTS}"
COUNTED = ("query", COUNT, "--format", "csv")
NOT_BUILT = "SELECT count(*) AS n FROM coverage WHERE state = 'not_built'"
# Requests are counted wherever they come from, in the budget of the account.
SPENDING = ("plan", "doctor")
COMMANDS = (
    ("status",),
    ("query", "SELECT count(*) FROM requests"),
    ("quarantine",),
    ("export", "--to", "EXPORT"),
    ("check",),
    ("metrics",),
)
# These open the folder in the same way, and take longer.
LONG_COMMANDS = (
    ("tariffs", "list"),
    ("tariffs", "check"),
    ("roles", "list"),
    ("export", "--to", "EXPORT", "--format", "json"),
    ("verify", "--manifest", "MANIFEST"),
    ("plan", "--start", DAYS[0], "--end", DAYS[-1]),
    ("doctor",),
)


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(inverters=2, commissioned=date(2025, 5, 1), empty_day_rate=0.0)
    with Simulator(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def kept(sim, tmp_path_factory):
    """Give an owner, and copies of the data folder with two days and with three."""
    folder = tmp_path_factory.mktemp("reader")
    owner = Owner(folder, {"GIVENERGY_API_URL": sim.base_url}, token=sim.token)
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[1]).status == 0
    shutil.copytree(owner.data, folder / "two days")
    assert owner.givlake("backfill", "--start", DAYS[2], "--end", DAYS[2]).status == 0
    shutil.copytree(owner.data, folder / "three days")
    return owner


@pytest.fixture
def owner(kept):
    """Give the owner with three days in the folder."""
    shutil.rmtree(kept.data, ignore_errors=True)
    shutil.copytree(kept.folder / "three days", kept.data)
    return kept


def snapshot(owner, *, without_budget=False):
    """Everything that can be seen of the data folder."""
    seen = {}
    for path in [owner.data, *owner.data.rglob("*")] if owner.data.exists() else []:
        if without_budget and (path.name.startswith("budget.sqlite") or path.name == "state"):
            continue
        stat = path.stat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        seen[path] = (stat.st_mode, stat.st_size, stat.st_mtime_ns, content)
    return seen


def table_file(owner):
    return next((owner.data / "tables" / POINTS).rglob("part-*.parquet"))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


def make_absent(owner):
    shutil.rmtree(owner.data)


def make_empty(owner):
    shutil.rmtree(owner.data)
    owner.data.mkdir()


def make_unused(owner):
    """The folder was opened, as by a command that could not fetch anything."""
    shutil.rmtree(owner.data)
    Lake(owner.data).close()


def make_pending(owner):
    """The archive has the third day, and nothing else knows of it."""
    shutil.rmtree(owner.data)
    shutil.copytree(owner.folder / "two days", owner.data)
    shutil.rmtree(owner.data / "archive")
    shutil.copytree(owner.folder / "three days" / "archive", owner.data / "archive")


def make_catalogue_older(owner):
    path = owner.data / "index" / "catalogue.json"
    record = json.loads(path.read_bytes())
    record["sha256"], record["statements"] = "0" * 64, record["statements"][:3]
    path.write_text(json.dumps(record))


def interrupt(owner):
    """A process died when it had decided a change and moved nothing yet."""
    journal = {"moves": [], "removes": []}
    path = owner.data / "index" / "manifests" / f"build-{POINTS}.journal"
    path.write_text(json.dumps(journal))


# State: how to bring it about, what is said of it, whether all rows are still shown.
STATES = {
    "healthy": (lambda owner: None, None, True),
    "absent": (make_absent, "No data in", False),
    "empty": (make_empty, "No data in", False),
    "opened, without data": (make_unused, "No data in", False),
    "pending responses": (make_pending, "build with: givlake build", False),
    "table file missing": (lambda owner: table_file(owner).unlink(), REPAIR, False),
    "table file damaged": (lambda owner: cut_short(table_file(owner)), REPAIR, False),
    "table missing": (lambda o: shutil.rmtree(o.data / "tables" / POINTS), REPAIR, False),
    "index missing": (lambda o: shutil.rmtree(o.data / "index" / "requests"), REPAIR, True),
    "coverage damaged": (
        lambda o: cut_short(next((o.data / "index" / "coverage").glob("month=*"))), REPAIR, True,
    ),
    "watermarks missing": (lambda o: shutil.rmtree(o.data / "index" / "watermarks"), REPAIR, True),
    "expected days damaged": (lambda o: cut_short(o.data / "expected_days.parquet"), REPAIR, True),
    "tariffs missing": (lambda o: shutil.rmtree(o.data / "owner"), REPAIR, True),
    "tariffs damaged": (
        lambda o: [path.write_text("x") for path in (o.data / "owner").glob("*.parquet")],
        REPAIR, True,
    ),
    "catalogue missing": (lambda o: (o.data / "warehouse.duckdb").unlink(), REPAIR, True),
    "catalogue older": (make_catalogue_older, REPAIR, True),
    "catalogue damaged": (lambda o: cut_short(o.data / "warehouse.duckdb"), None, True),
    "catalogue no database": (
        lambda o: (o.data / "warehouse.duckdb").write_text("x"), REPAIR, True,
    ),
    "change interrupted": (interrupt, REPAIR, True),
    "locks removed": (lambda o: shutil.rmtree(o.data / "locks"), None, True),
}  # fmt: skip


ALL_COMMANDS = ("absent", "pending responses", "table file damaged", "catalogue older")


@pytest.mark.parametrize(
    "state",
    STATES,
)
def test_reading_commands_leave_the_data_folder_as_it_is(sim, owner, tmp_path, state):
    harm, said, is_whole = STATES[state]
    harm(owner)
    before = snapshot(owner)
    for command in (*COMMANDS, *LONG_COMMANDS) if state in ALL_COMMANDS else COMMANDS:
        places = {"EXPORT": tmp_path / "-".join(map(str, command)), "MANIFEST": tmp_path / "m.json"}
        done = owner.givlake(*(places.get(word, word) for word in command))
        assert "Traceback" not in done.output, (command, done)
        assert done.status in (0, 1, 2), (command, done)
        is_same = snapshot(owner) == before
        if command[0] in SPENDING:
            same = {path for path in before if path.name != "state"}
            after, earlier = snapshot(owner, without_budget=True), {}
            earlier = {p: before[p] for p in same if not p.name.startswith("budget.sqlite")}
            is_same = after == earlier
        assert is_same, (state, command)
    done = owner.givlake(*COUNTED)
    if said is not None:
        assert said in done.err
    else:
        assert REPAIR not in done.err
    rows = len(expected_rows(sim, sim.serials, DAYS))
    if is_whole:
        assert (done.status, done.out.split()[-1]) == (0, str(rows)), done
    if state == "pending responses":
        assert int(done.out.split()[-1]) == len(expected_rows(sim, sim.serials, DAYS[:2]))
        assert owner.givlake("query", NOT_BUILT, "--format", "csv").out.split()[-1] == "2"
    if state in ("absent", "empty"):
        assert (done.status, done.out) == (2, "")
    elif state == "opened, without data":
        assert done.out.split()[-1] == "0"
        assert REPAIR not in done.err
        assert "start with givlake backfill" in owner.givlake("status").out
    elif state != "catalogue damaged":
        assert owner.givlake("build").status == 0
        done = owner.givlake(*COUNTED)
        assert (done.err, done.out.split()[-1]) == ("", str(rows))


@pytest.mark.processes
def test_reading_commands_work_beside_a_fetch(sim, owner):
    """They wait for nothing, and show rows that are whole days of what was fetched."""
    earlier = days_between(date(2025, 5, 1), date(2025, 5, 31))
    fetch = owner.start("backfill", "--start", earlier[0], "--end", earlier[-1])
    try:
        seen = []
        while fetch.poll() is None:
            done = owner.givlake(*COUNTED)
            assert done.status == 0, done
            seen.append(int(done.out.split()[-1]))
            assert owner.givlake("status").status in (0, 1)
            time.sleep(0.1)
    finally:
        if fetch.poll() is None:
            fetch.kill()
    assert finished(fetch).status == 0
    assert seen == sorted(seen)
    done = owner.givlake(*COUNTED)
    assert int(done.out.split()[-1]) == len(expected_rows(sim, sim.serials, earlier + DAYS))


def test_a_read_only_mount_is_read(sim, owner):
    """A mount refuses root as well; where this user may not mount, there is nothing to show."""
    place = str(owner.data)
    bound = subprocess.run(
        ["mount", "--bind", "-r", place, place], check=False, capture_output=True
    )
    if bound.returncode != 0:
        pytest.skip("bind mounts are not allowed here")
    try:
        done = owner.givlake(*COUNTED)
        assert int(done.out.split()[-1]) == len(expected_rows(sim, sim.serials, DAYS))
        assert done.err == ""
        status = owner.givlake("status")
        assert ("6 device-days complete" in status.out, status.err) == (True, "")
        assert owner.givlake("verify").status == 0
    finally:
        subprocess.run(["umount", place], check=True)
