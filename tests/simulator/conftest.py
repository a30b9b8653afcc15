"""A client for the simulator's tests that knows nothing of givlake's own."""

from collections.abc import Callable, Iterator

import pytest
import requests

from simulator import Simulator

Ask = Callable[..., requests.Response]

# No test waits so long on any machine; a time-out only ends a test that hangs.
TIMEOUT_S = 300


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
