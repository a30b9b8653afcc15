"""Fixtures of the datasets' tests."""

import shutil
from datetime import date

import duckdb
import pytest

from pipelines.open_folder import open_lake
from tests.support.mart_tables import MartTables
from tests.support.settings import settings_of
from tests.support.simulated_home import Home


@pytest.fixture
def simulator_defaults():
    """Simulate 2 inverters with an account that is never refused for haste."""
    return {
        "inverters": 2,
        "gateways": 0,
        "rate_limit": 100_000,
        "empty_day_rate": 0.0,
        "commissioned": date(2024, 1, 1),
    }


@pytest.fixture(scope="session")
def new_home(tmp_path_factory):
    """Make a folder with the files that a first command makes in a data folder, in `new`.

    That takes a third of a second, so each test gets a copy, always at the path that is in it.
    """
    folder = tmp_path_factory.mktemp("home")
    with open_lake(settings_of({"GIVLAKE_DATA": str(folder / "data")})):
        pass
    (folder / "data").rename(folder / "new")
    return folder


@pytest.fixture
def home(new_home, simulate):
    """Make a home with a data folder without any rows for a simulated account."""
    shutil.rmtree(new_home / "data", ignore_errors=True)
    shutil.copytree(new_home / "new", new_home / "data")

    def make(settings=None, **of_simulator):
        return Home(new_home, simulate(**of_simulator), **(settings or {}))

    return make


@pytest.fixture(scope="session")
def mart_database():
    """Return the catalogue's tables without rows, and all views over them."""
    with duckdb.connect(config={"threads": 1}) as connection:
        # Sessions in any time zone see the same.
        connection.execute("SET TimeZone = 'America/New_York'")
        yield MartTables(connection)


@pytest.fixture
def tables(mart_database):
    """Return the catalogue's tables, which are without rows again at the end of the test."""
    with mart_database.emptied_afterwards() as tables:
        yield tables
