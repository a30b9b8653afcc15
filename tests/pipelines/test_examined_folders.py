"""A query need not look at a data folder that was found whole, until any file changes."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from pipelines.examined_folders import is_known_whole, remember_whole, state_of
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

COUNT = ("query", "SELECT count(*) AS n FROM inverter_data_points", "--format", "csv")
DAY = date(2025, 6, 1)
# Modules that only the examination of a folder needs.
EXAMINING = {"assets.registry", "pyarrow", "dagster", "pandera", "pandas", "requests"}
PRINT_MODULES = (
    "import sys; from pipelines.cli import main\n"
    "sys.argv = ['givlake', 'query', 'SELECT 1']\n"
    "try:\n    main()\nfinally:\n    print(sorted(sys.modules))"
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Give an owner with a day of data, and a copy of the data folder."""
    with Simulator(SimulatorConfig(inverters=1, commissioned=DAY, empty_day_rate=0.0)) as sim:
        folder = tmp_path_factory.mktemp("examined")
        owner = Owner(folder, {"GIVENERGY_API_URL": sim.base_url}, token=sim.token)
        assert owner.givlake("backfill", "--start", DAY, "--end", DAY).status == 0
    shutil.copytree(owner.data, folder / "whole")
    return owner


@pytest.fixture
def owner(filled):
    """Give the owner with the data folder as it was, and nothing known of it."""
    for path in (filled.data, filled.folder / "caches"):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(filled.folder / "whole", filled.data)
    return filled


def notes_of(owner: Owner) -> list[Path]:
    return list((owner.folder / "caches/givlake/whole").glob("*"))


def test_a_second_query_answers_as_the_first(owner):
    first = owner.givlake(*COUNT)
    assert (first.status, first.err, len(notes_of(owner))) == (0, "", 1)
    assert owner.givlake(*COUNT) == first


@pytest.mark.slow
@pytest.mark.processes
def test_a_second_query_loads_no_dataset(owner):
    assert owner.givlake(*COUNT).status == 0
    done = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES],
        env=owner.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert EXAMINING & set(eval(done.stdout.splitlines()[-1])) == set()


def test_a_file_that_is_gone_is_noticed_by_the_next_query(owner):
    assert owner.givlake(*COUNT).err == ""
    part, *_ = (owner.data / "tables/inverter_data_points").glob("**/part-*.parquet")
    part.unlink()
    assert "repair with: givlake build" in owner.givlake(*COUNT).err
    # What lacks something is never known to be whole.
    assert "repair with: givlake build" in owner.givlake(*COUNT).err


def test_without_a_folder_for_caches_every_query_looks(owner):
    (owner.folder / "caches").write_text("a file")
    assert owner.givlake(*COUNT) == owner.givlake(*COUNT)
    assert notes_of(owner) == []


@pytest.mark.slow
@pytest.mark.processes
def test_another_client_that_has_the_catalogue_open_for_writing_does_not_stop_a_query(owner):
    expected = owner.givlake(*COUNT)
    hold = (
        "import duckdb, sys\n"
        "held = duckdb.connect(sys.argv[1])\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(owner.data / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "open\n"
        assert owner.givlake(*COUNT).out == expected.out
        client.communicate()


def test_the_state_of_a_folder_changes_with_each_of_its_files(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    data = tmp_path / "data"
    (data / "tables/points").mkdir(parents=True)
    (data / "locks").mkdir()
    part = data / "tables/points/part.parquet"
    part.write_text("rows")
    states = [state_of(data)]
    remember_whole(data, states[0])
    assert is_known_whole(data, states[0])

    def note() -> None:
        states.append(state_of(data))
        assert not is_known_whole(data, states[-1])

    part.write_text("more rows")
    note()
    os.utime(part, (1, 1))
    note()
    part.chmod(0o400)
    note()
    part.rename(part.with_name("other.parquet"))
    note()
    for name in (
        "warehouse.duckdb",
        "archive/segments/000000000001.parquet",
        "owner/roles.parquet",
    ):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
        note()
    assert len(set(states)) == len(states)
    # Locks and temporary files say nothing about the content.
    (data / "locks/build").touch()
    assert state_of(data) == states[-1]
