"""Fixtures of the datasets' tests."""

from datetime import date

import pytest

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
        "bare_devices": False,
    }


@pytest.fixture
def home(tmp_path, simulate):
    """Make a home with an empty data folder for a simulated account."""

    def make(settings=None, **of_simulator):
        return Home(tmp_path, simulate(**of_simulator), **(settings or {}))

    return make
