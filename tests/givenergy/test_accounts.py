"""Which account a token belongs to is asked once, also where the token may not ask."""

import pytest

from givenergy.account_identity import resolve_account
from givenergy.client import Client
from simulator import TokenGrant


@pytest.mark.parametrize(
    ("scopes", "status", "zone"),
    [(None, 200, "Europe/London"), (frozenset({"api:inverter:list"}), 403, None)],
)
def test_the_account_is_requested_once(simulate, tmp_path, scopes, status, zone):
    sim = simulate(tokens=(TokenGrant("token-of-this-test", 1, scopes),))

    def identify():
        return resolve_account(
            base_url=sim.base_url,
            token=sim.token,
            store=tmp_path / "budget.sqlite",
            open_client=lambda budget: Client(
                base_url=sim.base_url, token=sim.token, budget=budget
            ),
        )

    first, second = identify(), identify()
    assert first == second
    assert first.timezone == zone
    assert bool(first.account_id) == (status == 200)
    assert [request.status for request in sim.requests] == [status]
    assert sim.token not in repr(first)
