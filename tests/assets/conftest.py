"""Fixtures of the datasets' tests; helpers beside this file are importable by their names."""

from contextlib import ExitStack
from datetime import date

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.simulated_home import Home


@pytest.fixture
def simulate():
    """Make a running simulator of 2 inverters with an account that is never refused for haste."""
    with ExitStack() as running:

        def start(**settings):
            standard = {
                "inverters": 2,
                "gateways": 0,
                "seed": 7,
                "rate_limit": 100_000,
                "empty_day_rate": 0.0,
                "commissioned": date(2024, 1, 1),
                "bare_devices": False,
            }
            return running.enter_context(Simulator(SimulatorConfig(**{**standard, **settings})))

        yield start


@pytest.fixture
def home(tmp_path, simulate):
    """Make a home with an empty data folder for a simulated account."""

    def make(settings=None, **of_simulator):
        return Home(tmp_path, simulate(**of_simulator), **(settings or {}))

    return make
