"""Fixtures of the end-to-end tests."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.instance import open_instance
from simulator import Simulator
from tests.support import clock
from tests.support.owner import Owner
from tests.support.settings import settings_of


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


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Owner]:
    """Make an owner of a simulated account with an empty data folder."""

    def make(sim: Simulator, **settings: str) -> Owner:
        return Owner(tmp_path, {"GIVENERGY_API_URL": sim.base_url, **settings}, token=sim.token)

    return make


@pytest.fixture
def machine_clock() -> Iterator[None]:
    """Run a test at the machine's time: gRPC, by which Dagster's processes talk, goes by that.

    A deadline that Python's clock gives it is over at once where that clock is behind. Such a test
    must hold on any date and at any hour.
    """
    with clock.at(None):
        yield


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
