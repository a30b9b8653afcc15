"""`givlake doctor`: what it finds, in words, and its exit status."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator import TokenGrant
from tests.support.clock import at_moments


@at_moments("autumn, the repeated hour, second", "the first minutes of a year")
def test_all_is_well(simulate, own):
    done = own(simulate()).givlake("doctor")
    assert done.status == 0, done.output
    found = {line.split()[1]: line.split()[0] for line in done.out.splitlines()}
    # The simulator's token may do everything, which an owner should know.
    assert found.pop("control") == "note"
    assert set(found.values()) == {"ok"}
    assert {"token", "devices", "clock", "budget", "inverter_data_points"} <= set(found)


def test_a_token_that_can_only_read_is_distinguished_from_one_that_can_control(simulate, own):
    scopes = {"api:account:read", "api:inverter:list", "api:inverter:read", "api:inverter:data"}
    sim = simulate(tokens=(TokenGrant("reads-only", scopes=frozenset(scopes)),))
    done = own(sim).givlake("doctor")
    assert done.status == 0, done.output
    assert "The token cannot change inverter settings." in done.out
    assert sim.commands_received == 0


@pytest.mark.parametrize(("hours", "words"), [(-3, "3.0 h ahead of"), (3, "3.0 h behind")])
def test_a_clock_that_is_wrong_is_found(simulate, own, hours, words):
    sim = simulate()
    sim.set_clock(datetime.now(UTC) + timedelta(hours=hours))
    done = own(sim).givlake("doctor")
    assert done.status == 1
    assert f"{words} the API's: synchronize" in done.out
