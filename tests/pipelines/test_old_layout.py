"""A folder made by an older givlake: opened, migrated without a request, every row the same.

The folder is made by the code of that time, taken from the repository's own history; see "Layout
versions" in `docs/stores.md`.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.marts.mart_file import marts
from assets.registry import datasets
from pipelines.instance import open_instance
from pipelines.settings import load_settings
from simulator import Simulator
from tests.support.clock import LONDON
from tests.support.every_device import every_device
from tests.support.http_listener import Listener, listening
from tests.support.owner import TIMEOUT_S, CommandResult, Owner, finished
from warehouse import owner_inputs

pytestmark = [pytest.mark.slow, pytest.mark.processes]

REPOSITORY = Path(__file__).parents[2]
# The last commit of layout 1.
LAYOUT_1 = "f7ce67953cf38496727afd098fba86900fc29e7f"
DAYS = 6
NOWHERE = "http://127.0.0.1:9"

# Columns of layout 1 -> those of layout 2, by table or view; "": of all.
RENAMED = {
    "": {"first_seen": "first_seen_at", "last_seen": "last_seen_at", "due_from": "due_at"},
    "account_devices": {
        "commission_date": "commissioned_at",
        "inverter_commission_date": "inverter_commissioned_at",
        "last_online": "last_online_at",
        "last_updated": "last_updated_at",
    },
    "communication_devices": {"commission_date": "commissioned_at"},
    "inverters": {
        "commission_date": "commissioned_at",
        "last_online": "last_online_at",
        "last_updated": "last_updated_at",
        "warranty_expiry_date": "warranty_expires_at",
    },
    "sites": {"date_created": "created_date"},
    "energy_flows": {"start": "start_at", "end": "end_at"},
    "energy_flow_aggregates": {"start": "start_at", "end": "end_at"},
    "inverter_events": {
        "start_time": "started_at",
        "end_time": "ended_at",
        "local_time": "started_local",
    },
    "ev_charging_sessions": {"local_time": "started_local"},
}
STATES = {"denied": "forbidden", "never_asked": "not_requested"}
REASONS = {
    "the device is not known any more": "the API no longer knows the device",
    "the list came incomplete": "the list is incomplete",
    "an earlier answer had rows, the newest was empty": (
        "an earlier response had rows; the newest is empty"
    ),
    "not final, then refused": "fetched before it was final; access was refused since",
    "nothing was asked": "not requested",
}
# Descriptions of codes were reworded since: their columns, and the view that lists them.
REWORDED = {"command_description", "stop_reason_description"}
VIEW_OF_CODES = "codes"
# Columns and views that layout 1 did not have.
ADDED = {
    "company", "energy_source", "is_row_kept", "row_digest", "partly_quarantined",
    "source", "source_file", "source_sha256",
}  # fmt: skip
ADDED_DATASETS = [
    dataset
    for dataset in datasets()
    if dataset.name == "inverter_setting_values"
    or (dataset.endpoint.is_later and dataset.name != "inverter_grid_meter_readings")
]
ADDED_VIEWS = {
    *(
        f"{table.name}{suffix}"
        for dataset in ADDED_DATASETS
        for table in dataset.output_tables
        for suffix in ("", "_now", "_superseded")
    ),
    *(mart.name for mart in marts() if mart.name != "gaps"),
    "expected_days",
    "findings",
    "reconcile_flows_points",
    "pending_responses",
    "where_am_i",
    "reconcile_session_values",
    *owner_inputs.SCHEMAS,
}
# A row that was quarantined for one value is in its table without it: counted, and compared.
GAINS_ROWS = "inverter_data_points"
ACCOUNTS = {"quarantine", "row_accounting"}


class OldGivlake:
    """The command line of another commit, in the folder and with the settings of an owner."""

    def __init__(self, code: Path, owner: Owner) -> None:
        self._code = code
        self._owner = owner

    def givlake(self, *arguments: object) -> CommandResult:
        environment = self._owner.environment
        ours = str(REPOSITORY)
        others = [p for p in environment["PYTHONPATH"].split(os.pathsep) if p and p != ours]
        environment["PYTHONPATH"] = os.pathsep.join([*others, str(self._code)])
        return finished(
            subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", *map(str, arguments)],
                cwd=self._owner.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            ),
            TIMEOUT_S,
        )


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Take the code of layout 1 from the repository's history."""
    found = subprocess.run(
        ["git", "archive", LAYOUT_1], cwd=REPOSITORY, capture_output=True, check=False
    )
    if found.returncode != 0:
        pytest.skip(f"the repository's history lacks {LAYOUT_1[:7]} (a shallow clone, or no git)")
    folder = tmp_path_factory.mktemp("layout-1")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """Simulate an account with a device of every kind, and trouble of every kind."""
    now = datetime.now(UTC).replace(microsecond=0)
    # What an old givlake knows of.
    config = every_device(now, DAYS, api_version="1.26", unavailable=frozenset({"presets"}))
    with Simulator(config) as simulator:
        one, other, _ = simulator.serials
        today = now.astimezone(LONDON).date()
        ended = {
            "event": "Grid Voltage High",
            "start_time": f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        going_on = {**ended, "event": "Battery Cold", "end_time": None}
        nameless = {**ended, "event": None}
        simulator.set_listing("events", one, [going_on, ended, nameless])
        charger = simulator.charger_uuids[0]
        session = {
            "started_by": "4711",
            "meter_start": 100.5,
            "started_at": f"{now - timedelta(hours=40):%Y-%m-%dT%H:%M:%SZ}",
            "stopped_by": "4711",
            "meter_stop": 108.25,
            "stopped_at": f"{now - timedelta(hours=36):%Y-%m-%dT%H:%M:%SZ}",
            "stop_reason": "EV_DISCONNECTED",
        }
        still_open = dict.fromkeys(("stopped_by", "meter_stop", "stopped_at", "stop_reason"))
        begun = {"started_at": f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"}
        simulator.set_listing("charging-sessions", charger, [session | still_open | begun, session])
        rows = simulator.truth(one, today - timedelta(days=2))
        rows[3]["power"]["battery"]["percent"] = 300
        rows[4]["unheard_of"] = 1
        simulator.set_rows(one, today - timedelta(days=2), rows)
        simulator.fail(f"{other}/data-points/{today - timedelta(days=1)}", status=500)
        simulator.fail(f"{other}/data-points/{today - timedelta(days=2)}", status=403)
        yield simulator


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as heard:
        yield heard


@pytest.fixture(scope="module")
def owner(sim: Simulator, listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Owner:
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "",
        "GIVLAKE_ALERT_URLS": listener.url(),
    }
    return Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)


@pytest.fixture(scope="module")
def before(
    sim: Simulator, owner: Owner, old_code: Path, listener: Listener
) -> dict[str, Counter[str]]:
    """Fetch everything with the code of layout 1; return what its tables and views hold."""
    old = OldGivlake(old_code, owner)
    first = datetime.now(LONDON).date() - timedelta(days=4)
    done = old.givlake("backfill", "--start", first)
    assert done.status == 1, done.output  # two days cannot be had
    assert listener.titles == ["givlake: something is missing"]
    assert old.givlake("pack").status == 0
    # Rows that a newer answer replaced.
    one, today = sim.serials[0], datetime.now(LONDON).date()
    rows = sim.truth(one, today - timedelta(days=3))
    rows[5]["power"]["battery"]["percent"] = 1
    sim.set_rows(one, today - timedelta(days=3), rows)
    day = ("--start", today - timedelta(days=3), "--end", today - timedelta(days=3))
    assert old.givlake("backfill", *day, "--again", "--device", one).status == 0
    verified = old.givlake("verify", "--manifest", owner.folder / "before.json")
    assert verified.status == 0, verified.output
    shutil.copytree(owner.data, owner.folder / "as it was")
    return contents(owner.data, renamed=True)


@pytest.fixture(scope="module")
def migrated(sim: Simulator, owner: Owner, before: dict[str, Counter[str]]) -> Owner:
    """Upgrade the folder by two commands at once, with no API to be reached."""
    sim.clear_requests()
    owner.settings["GIVENERGY_API_URL"] = NOWHERE
    for done in [finished(process) for process in [owner.start("build") for _ in range(2)]]:
        assert done.status == 0, done.output
        assert "differs from its manifest" not in done.output
    owner.settings["GIVENERGY_API_URL"] = sim.base_url
    return owner


def contents(data: Path, *, renamed: bool = False) -> dict[str, Counter[str]]:
    """Count the rows of each table and view by their hash.

    Args:
        data: The data folder.
        renamed: Whether it has layout 1: names and states are translated.
    """
    found = {}
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = connection.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        for (name,) in names:
            if name == VIEW_OF_CODES:
                continue
            rows = connection.sql(f'FROM "{name}"')
            columns = [new_name(name, column) if renamed else column for column in rows.columns]
            found[name] = Counter(
                row_hash(dict(zip(columns, row, strict=True)), renamed=renamed)
                for row in rows.fetchall()
            )
    return found


def new_name(view: str, column: str) -> str:
    table = view.removesuffix("_now").removesuffix("_superseded")
    return {**RENAMED[""], **RENAMED.get(table, {})}.get(column, column)


def row_hash(row: dict[str, Any], *, renamed: bool) -> str:
    if renamed:
        if "has_ended" in row:
            row["has_ended"] = row["has_ended"] is True
        if "due_at" in row:
            row["state"] = STATES.get(row["state"], row["state"])
            row["reason"] = REASONS.get(row["reason"], row["reason"])
        if (column := row.get("column")) is not None and "table" in row:
            row["column"] = ",".join(new_name(row["table"], name) for name in column.split(","))
    text = repr(sorted(item for item in row.items() if item[0] not in REWORDED | ADDED))
    return hashlib.sha256(text.encode()).hexdigest()


def request_counts(sim: Simulator) -> Counter[tuple[object, ...]]:
    """Count the requests by method, path and query, without `end_time`: it can be the present."""
    return Counter(
        (one.method, one.path, *sorted(item for item in one.query.items() if item[0] != "end_time"))
        for one in sim.requests
    )


def test_the_old_folder_has_something_of_everything(before: dict[str, Counter[str]]) -> None:
    """Else the comparison would prove nothing; what an owner's account lacks is empty."""
    empty = {name for name, rows in before.items() if not rows}
    tables = {name for name in before if f"{name}_now" in before or f"{name}_superseded" in before}
    assert empty & tables == {
        "account_children", "account_devices", "site_statuses", "inverter_presets",
        "inverter_grid_meter_readings",
    }  # fmt: skip
    assert not empty & {"quarantine", "drift", "coverage", "requests", "row_accounting"}
    assert before["inverter_data_points_superseded"]


def test_every_row_of_every_table_and_view_is_the_same(
    before: dict[str, Counter[str]], migrated: Owner, sim: Simulator
) -> None:
    after = contents(migrated.data)
    assert after["pending_responses"] == Counter()
    assert after.keys() - ADDED_VIEWS == before.keys()
    assert before[GAINS_ROWS] < after[GAINS_ROWS]
    differing = {
        name
        for name in before.keys() - {GAINS_ROWS} - ACCOUNTS
        if before[name] != after[name] and not name.startswith(("reconcile_", "gaps"))
    }
    assert differing == set()
    assert sim.requests == []


def test_every_response_of_the_old_folder_came_from_the_api(migrated: Owner) -> None:
    with duckdb.connect(str(migrated.data / "warehouse.duckdb"), read_only=True) as connection:
        sources = connection.sql("SELECT DISTINCT source, source_file, source_sha256 FROM requests")
        assert sources.fetchall() == [("api", None, None)]


def test_the_new_folder_is_proven_and_has_the_hashes_that_the_old_one_had(
    migrated: Owner,
) -> None:
    verified = migrated.givlake("verify", "--manifest", migrated.folder / "after.json")
    assert verified.status == 0, verified.output
    old, new = (hashes(migrated.folder / f"{name}.json") for name in ("before", "after"))
    assert {name for name in old if old[name] != new[name]} == {
        # `has_ended` of open items is false, not null; descriptions of commands were reworded;
        # points that had one wild value are there; accounts have a company.
        "accounts", "ev_charger_commands", "ev_charging_sessions", "inverter_events",
        "inverter_data_points",
    }  # fmt: skip


def hashes(manifest: Path) -> dict[str, list[tuple[object, ...]]]:
    tables = json.loads(manifest.read_text())["tables"]
    return {
        name: [(one["device"], one["rows"], one["sha256"]) for one in table["devices"]]
        for name, table in tables.items()
    }


def test_what_runs_had_noted_is_kept_under_its_new_names(migrated: Owner) -> None:
    assert not (migrated.data / "settings.json").exists()
    with migrated.lake() as lake:
        noted = lake.state.all()
    assert noted.keys() >= {
        "account_key", "account_zone", "compacted_at", "discovered_at", "history_starts",
        "known_devices", "requested_ranges", "sent_alerts", "unavailable",
    }  # fmt: skip
    assert not noted.keys() & {"wished_ranges", "alerts", "packed_at"}
    assert noted["sent_alerts"]["days"]["inverter_data_points"]
    assert "inverter_presets" in noted["unavailable"]


def test_an_old_givlake_refuses_the_new_folder(migrated: Owner, old_code: Path) -> None:
    done = OldGivlake(old_code, migrated).givlake("status")
    assert done.status != 0
    assert "written by a newer givlake" in done.err
    assert "Traceback" not in done.output


def test_dagster_still_shows_the_old_runs(migrated: Owner) -> None:
    with migrated.environment_set(), open_instance(load_settings()) as instance:
        runs = instance.get_run_records()
        keys = {key.to_user_string() for key in instance.all_asset_keys()}
    with migrated.dagster() as (definitions, _):
        known = {
            key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()
        }
    assert runs
    assert keys <= known


def test_the_next_sync_requests_what_an_old_one_would_have(
    migrated: Owner, old_code: Path, sim: Simulator, listener: Listener
) -> None:
    told = len(listener.titles)
    twin = Owner(migrated.folder, migrated.settings, token=sim.token)
    twin.settings["GIVLAKE_DATA"] = str(migrated.folder / "as it was")
    sim.clear_requests()
    old = OldGivlake(old_code, twin).givlake("sync")
    by_old = request_counts(sim)
    sim.clear_requests()
    new = migrated.givlake("sync")
    assert (new.status, old.status) == (1, 1), new.output + old.output
    # And what was refused once, which the old one believed.
    more = request_counts(sim) - by_old
    assert not by_old - request_counts(sim)
    asked_once = [re.sub(r"\{\w+\}", "[^/]+", each.endpoint.path) for each in ADDED_DATASETS]
    known = [path for _, path, *_ in more if not re.search(f"({'|'.join(asked_once)})$", path)]
    assert sorted(path.rpartition("/")[2] for path in known) == [
        "account-children",
        "data",
        "presets",
        "status",
    ]
    # What the old one told the owner is not told again.
    assert listener.titles[told:] == []
