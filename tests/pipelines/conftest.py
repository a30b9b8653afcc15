"""Fixtures of the end-to-end tests."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.instance import open_instance
from pipelines.open_folder import open_lake
from simulator import Simulator
from tests.support.owner import Owner
from tests.support.settings import settings_of
from tests.support.two_accounts import TwoAccounts

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def simulator_defaults() -> dict[str, object]:
    """Simulate 3 inverters that were in contact every day."""
    return {
        "inverters": 3,
        "rate_limit": 100_000,
        "rows_per_day": 60,
        "empty_day_rate": 0.0,
        "commissioned": date(2024, 1, 1),
    }


@pytest.fixture(scope="session")
def opened_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with what a first command makes in a data folder and in Dagster's, in `new`."""
    folder = tmp_path_factory.mktemp("opened")
    settings = settings_of({"GIVLAKE_DATA": str(folder / "data")})
    with open_lake(settings), patch.dict(os.environ), open_instance(settings) as instance:
        instance.get_runs_count()
        instance.get_latest_materialization_event(dg.AssetKey("any"))
        list(instance.all_instigator_state())
    (folder / "data").rename(folder / "new")
    return folder


@pytest.fixture
def new_data(opened_folder: Path) -> Path:
    """Give a data folder without any rows, as if an earlier command had made it."""
    for path in opened_folder.iterdir():
        if path.name != "new":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    data = opened_folder / "data"
    shutil.copytree(opened_folder / "new", data)
    made = data / "store.json"
    facts = {**json.loads(made.read_text()), "made_at": datetime.now(UTC).isoformat()}
    made.write_text(json.dumps(facts))
    return data


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Owner]:
    """Make an owner of a simulated account with a data folder without any rows.

    Making its files takes more than half a second: they are copied, always to the path that is in
    them, as if an earlier command had made them. With the marker `new_folder` there are none.
    """
    folder = tmp_path
    if not request.node.get_closest_marker("new_folder"):
        folder = request.getfixturevalue("new_data").parent

    def make(sim: Simulator, **settings: str) -> Owner:
        return Owner(folder, {"GIVENERGY_API_URL": sim.base_url, **settings}, token=sim.token)

    return make


@pytest.fixture
def two(sim: Simulator, tmp_path: Path) -> TwoAccounts:
    """Give two accounts without data of the module's simulator, its fixture `sim`."""
    return TwoAccounts(tmp_path, sim)


@pytest.fixture
def today() -> date:
    """Give the present day of the simulated account."""
    return datetime.now(UTC).astimezone(ZoneInfo("Europe/London")).date()


@pytest.fixture
def yesterday(today: date) -> date:
    """Give the day before."""
    return today - timedelta(days=1)


@pytest.fixture
def owner_instance(tmp_path: Path) -> Iterator[tuple[dg.DagsterInstance, str]]:
    """Open Dagster's state as `dagster.yaml` describes it; with it comes the folder of events."""
    settings = settings_of({"GIVLAKE_DATA": str(tmp_path)})
    with patch.dict(os.environ), open_instance(settings) as instance:
        yield instance, str(tmp_path / "dagster" / "history" / "runs")


@pytest.fixture(scope="session")
def browser_path() -> str:
    """Return the path of Chromium; without one the test is skipped before it makes any data."""
    from tests.support.browser import chromium_path

    return chromium_path()


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator["Browser"]:
    """Start Chromium once for a module: Playwright's event loop would disturb other modules.

    It disturbs commands in this process too: they come before, or run in a process of their own.
    """
    from tests.support.browser import chromium

    with chromium(browser_path) as found:
        yield found
