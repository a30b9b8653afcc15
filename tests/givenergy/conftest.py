"""A simulator, a budget and a client for each test; everything real, windows short."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from givenergy.client import Client, FailedAttempt
from givenergy.retry import RetryPolicy
from simulator import Simulator
from tests.support.budget_fixtures import open_budget
from tests.support.timeouts import PATIENT

__all__ = ["open_budget"]

QUICK = RetryPolicy(tries=3, base_s=0.01, ceiling_s=0.02, span_s=0.0, patience_s=5.0)


@pytest.fixture
def simulator_defaults() -> dict[str, object]:
    return {"rows_per_day": 20, "rate_window_s": 2.0}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "state" / "budget.sqlite"


@pytest.fixture
def open_client(open_budget) -> Iterator[Callable[..., Client]]:
    opened = []

    def start(sim: Simulator, **settings) -> Client:
        attempts: list[FailedAttempt] = settings.pop("attempts", [])
        settings = {
            "base_url": sim.base_url,
            "token": sim.token,
            "on_attempt": attempts.append,
            "retry": QUICK,
            "timeouts": PATIENT,
            **settings,
        }
        if "budget" not in settings:
            settings["budget"] = open_budget()
        client = Client(**settings)
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.close()
