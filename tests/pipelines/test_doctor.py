"""`givlake doctor`: what it finds, in words, and its exit status."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator import TokenGrant
from tests.support import clock
from tests.support.clock import at_moments


@pytest.mark.slow_but_first
@at_moments("autumn, the repeated hour, second", "the first minutes of a year")
def test_all_is_well(simulate, own):
    done = own(simulate()).givlake("doctor")
    assert done.status == 0, done.output
    found = {line.split()[1]: line.split()[0] for line in done.out.splitlines()}
    # The simulator's token may do everything, which an owner should know.
    assert found.pop("control") == "note"
    assert set(found.values()) == {"ok"}
    assert {"token", "devices", "clock", "budget", "inverter_data_points"} <= set(found)


@pytest.mark.slow
def test_a_token_that_can_only_read_is_distinguished_from_one_that_can_control(simulate, own):
    scopes = {"api:account:read", "api:inverter:list", "api:inverter:read", "api:inverter:data"}
    sim = simulate(tokens=(TokenGrant("reads-only", scopes=frozenset(scopes)),))
    done = own(sim).givlake("doctor")
    assert done.status == 0, done.output
    assert "The token cannot change inverter settings." in done.out
    assert sim.commands_received == 0


@pytest.mark.slow
@pytest.mark.parametrize(("hours", "words"), [(-3, "3.0 h ahead of"), (3, "3.0 h behind")])
def test_a_clock_that_is_wrong_is_found(simulate, own, hours, words):
    sim = simulate()
    sim.set_clock(datetime.now(UTC) + timedelta(hours=hours))
    done = own(sim).givlake("doctor")
    assert done.status == 1
    assert f"{words} the API's: synchronize" in done.out


@pytest.mark.slow
def test_a_known_token_that_is_revoked_is_not_called_accepted(simulate, own):
    sim = simulate()
    owner = own(sim)
    assert owner.givlake("doctor").status == 0
    revoked = b'{"message": "Unauthenticated."}'
    sim.override("/communication-device", revoked, status=401)
    done = owner.givlake("doctor")
    assert done.status == 1
    found = [line.split()[:2] for line in done.out.splitlines() if " token " in line[:12]]
    assert found == [["error", "token"]]


@pytest.mark.slow
def test_what_was_refused_is_tried_at_once_and_forgotten_if_it_is_answered(simulate, own):
    sim = simulate(inverters=2)
    owner = own(sim, GIVLAKE_DATASETS="inverter_presets,inverter_events,ev_chargers")
    said = b'{"message": "This action is unauthorized."}'
    refused = r"/presets|/events|/ev-charger"
    sim.override(refused, said, status=403)
    now = datetime.now(UTC)
    for hours in (0, 2):
        with clock.at(now + timedelta(hours=hours)):
            owner.givlake("sync")
    with clock.at(now + timedelta(hours=3)):
        sim.clear_requests()
        assert owner.givlake("sync").status == 0
        assert not [r for r in sim.requests if r.path.endswith(("/presets", "/events"))]
        shown = owner.givlake("status").out
        since = f"{now.astimezone(UTC):%Y-%m-%d %H:}"
        lacking = (
            "The token lacks scopes: api:ev-charger:list for ev_chargers; api:inverter:data for"
            " inverter_events. Add them on"
        )
        assert lacking in shown
        # Nobody is told to add a scope that `doctor` warns of.
        skipped = "Skipped without the scope api:inverter:control, which also permits changes of"
        assert f"{skipped} devices: inverter_presets." in shown
        assert shown.count(f"refused since {since}") == 3
        # Presets answer again: nothing but `doctor` is needed to find out.
        sim.clear_failures()
        sim.override(r"/events", said, status=403)
        done = owner.givlake("doctor")
        assert "inverter_presets     available again" in done.out
        assert "ev_chargers          available again" in done.out
        assert "The token lacks scopes: api:inverter:data for inverter_events. Add" in done.out
        assert owner.givlake("sync").status == 0
        assert owner.sql("SELECT count(DISTINCT inverter_serial) AS n FROM inverter_presets") == [
            {"n": 2}
        ]
