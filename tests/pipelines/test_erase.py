"""`givlake forget`: nothing in the data folder names a device or an account any more."""

import contextlib
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=2,
        ev_chargers=1,
        seed=7,
        rate_limit=100_000,
        rows_per_day=24,
        meter_rows_every_s=86_400,
    )
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    names = "inverter_data_points,inverter_grid_meter_readings,ev_meter_readings"
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": names}
    made = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
    day = ("--start", "2025-06-01", "--end", "2025-06-01")
    assert made.givlake("backfill", *day, "--device", sim.serials[0]).status == 0
    assert made.givlake("backfill", *day).status == 0
    return made


def traces(folder: Path, name: str) -> list[str]:
    """Name the files that hold a name, in any row, page or free page."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        text = content.decode("latin1")
        if path.suffix == ".parquet":
            text += repr(pq.read_table(path, partitioning=None).to_pylist())
        elif content.startswith(b"SQLite format 3"):
            with contextlib.closing(sqlite3.connect(path)) as connection:
                text += "\n".join(connection.iterdump())
        if name in text:
            found.append(path.relative_to(folder).parts[0])
    return sorted(set(found))


def test_a_device_leaves_dagster_the_budget_and_the_settings_too(sim, owner):
    gone, kept = sim.serials
    assert {"archive", "dagster", "state.json", "tables"} <= set(traces(owner.data, gone))
    done = owner.givlake("forget", "--device", gone, "--yes")
    assert done.status == 0, done.output
    assert traces(owner.data, gone) == []
    assert {"archive", "dagster", "tables"} <= set(traces(owner.data, kept))
    assert owner.givlake("check").status == 0
    with owner.dagster() as (_, instance):
        assert all(record.dagster_run.is_finished for record in instance.get_run_records())
    again = owner.givlake("forget", "--device", gone, "--yes")
    assert (again.status, "Traceback" in again.output) == (2, False)
    assert f"No data of '{gone}' are stored" in again.err


def test_a_name_that_is_not_known_forgets_nothing(sim, owner):
    rows = len(owner.rows())
    for name in ("1", sim.serials[1][:-1], sim.serials[1].lower()):
        done = owner.givlake("forget", "--device", name, "--yes")
        assert done.status == 2
        assert f"No data of {name!r} are stored" in done.err
    assert len(owner.rows()) == rows > 0


def test_an_account_leaves_with_its_devices_and_what_its_token_was(sim, owner):
    (key,) = {row["account"] for row in owner.sql("FROM requests") if row["account"]}
    uuid = owner.sql("FROM ev_chargers")[0]["charger_uuid"]
    assert traces(owner.data, uuid)
    assert "state" in traces(owner.data, key)
    done = owner.givlake("forget", "--account", key, "--yes")
    assert done.status == 0, done.output
    for name in (key, uuid, sim.serials[1]):
        assert traces(owner.data, name) == []
    with contextlib.closing(sqlite3.connect(owner.data / "state/budget.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM identities").fetchone() == (0,)
