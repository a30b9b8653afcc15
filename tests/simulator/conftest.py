"""A client for the simulator's tests that knows nothing of givlake's own."""

from collections.abc import Callable, Iterator

import pytest
import requests

from simulator import Simulator
from tests.support.timeouts import TIMEOUT_S

Ask = Callable[..., requests.Response]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """``ask(sim, path, method="GET", token=None, **requests' arguments)``."""
    with requests.Session() as session:
        session.trust_env = False

        def send(
            sim: Simulator, path: str, method: str = "GET", token: str | None = None, **rest
        ) -> requests.Response:
            headers = {
                "Authorization": f"Bearer {token or sim.token}",
                "Accept": "application/json",
                **rest.pop("headers", {}),
            }
            return session.request(
                method, sim.base_url + path, headers=headers, timeout=TIMEOUT_S, **rest
            )

        yield send
