"""The fixed window: when it starts and ends, what counts, who shares it."""

import contextlib
import threading
import time

import requests

from simulator import Simulator, SimulatorConfig, TokenGrant
from simulator.http.rate_limit import FixedWindowBudget


def test_the_window_starts_with_the_first_request_and_ends_whole():
    now = 100.0
    budget = FixedWindowBudget(limit=3, length_s=60, clock=lambda: now)
    now = 130.0  # idle time before the first request does not count
    decisions = [budget.count() for _ in range(5)]
    assert [d.allowed for d in decisions] == [True, True, True, False, False]
    assert [d.remaining for d in decisions] == [2, 1, 0, 0, 0]
    now = 189.9
    assert not budget.count().allowed
    now = 190.0
    fresh = budget.count()
    assert (fresh.allowed, fresh.remaining, fresh.window) == (True, 2, 2)
    first, second = budget.report()
    assert (first["used"], first["limited"], second["used"]) == (3, 3, 1)


def test_responses_tell_the_limit(ask):
    with Simulator(SimulatorConfig(rate_limit=3, rate_window_s=3_600)) as sim:
        answers = [ask(sim, "/account") for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        assert [a.headers["X-RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0", "0"]
        assert {a.headers["X-RateLimit-Limit"] for a in answers} == {"3"}
        assert answers[3].json() == {"message": "Too Many Attempts."}
        assert "Retry-After" not in answers[3].headers
        assert [r.window for r in sim.requests] == [1] * 5


def test_a_window_ends_by_itself(ask):
    with Simulator(SimulatorConfig(rate_limit=1, rate_window_s=0.3)) as sim:
        ask(sim, "/account")
        while sim.requests[-1].window == 1:
            ask(sim, "/account")
        assert sim.requests[-1].status == 200
        first, second = sim.stats()["windows"]["account 1"]
        assert second["started_at"] - first["started_at"] >= 0.3
        assert (first["used"], second["used"]) == (1, 1)


def test_every_response_counts_whatever_its_status(ask):
    with Simulator(SimulatorConfig(rate_limit=7, rate_window_s=3_600)) as sim:
        sim.fail("fails", status=503)
        sim.fail("resets", fault="reset")
        day = f"/inverter/{sim.serials[0]}/data-points/"
        for path in ("/account", "/nothing", day + "x", "/fails", day + "2024-06-01"):
            ask(sim, path)
        with contextlib.suppress(requests.ConnectionError):
            ask(sim, "/resets")
        assert ask(sim, "/account").headers["X-RateLimit-Remaining"] == "0"
        assert ask(sim, "/account").status_code == 429


def test_requests_count_on_arrival_not_when_answered(ask):
    gate = threading.Event()

    def when_open(request):
        gate.wait()
        return b"{}"

    with Simulator(SimulatorConfig(rate_limit=2, rate_window_s=3_600)) as sim:
        sim.override("account", when_open)
        threads = [threading.Thread(target=ask, args=(sim, "/account")) for _ in range(2)]
        for thread in threads:
            thread.start()
        while sum(w["used"] for w in sim.stats()["windows"].get("account 1", [])) < 2:
            time.sleep(0.01)
        assert [r.status for r in sim.requests] == [None, None]
        assert ask(sim, "/account").status_code == 429
        gate.set()
        for thread in threads:
            thread.join()
        assert [r.status for r in sim.requests] == [200, 200, 429]


def test_latency_is_the_time_from_arrival_to_answer(ask):
    with Simulator(SimulatorConfig(latency_s=0.2, latency_jitter_s=0.1)) as sim:
        ask(sim, "/account")
        assert sim.requests[0].duration_s >= 0.2


def test_tokens_of_an_account_share_and_accounts_do_not(ask):
    tokens = (TokenGrant("a"), TokenGrant("b"), TokenGrant("c", account=2))
    with Simulator(SimulatorConfig(rate_limit=2, rate_window_s=3_600, tokens=tokens)) as sim:
        statuses = [ask(sim, "/account", token=t).status_code for t in ("a", "b", "a", "c")]
        assert statuses == [200, 200, 429, 200]


def test_own_limit_does_not_count_globally(ask):
    message = {"platforms": ["push"], "title": "Hello", "body": "there", "icon": "mdi-home"}
    with Simulator(SimulatorConfig(rate_limit=5, rate_window_s=3_600)) as sim:
        sent = [ask(sim, "/notification/send", "POST", json=message) for _ in range(11)]
        assert [a.status_code for a in sent] == [200] * 10 + [429]
        assert sent[0].json() == {"success": True}
        assert sent[0].headers["X-RateLimit-Limit"] == "10"
        assert ask(sim, "/account").headers["X-RateLimit-Remaining"] == "4"


def test_retry_after_when_wanted(ask):
    with Simulator(SimulatorConfig(rate_limit=1, rate_window_s=3_600, retry_after=True)) as sim:
        ask(sim, "/account")
        assert 3_300 < int(ask(sim, "/account").headers["Retry-After"]) <= 3_600


def test_a_neighbour_spends_from_the_same_budget(ask):
    with Simulator(SimulatorConfig(rate_limit=10, rate_window_s=3_600)) as sim:
        assert sim.spend(6) == 0
        assert ask(sim, "/account").headers["X-RateLimit-Remaining"] == "3"
        assert sim.spend(5) == 2
        window = sim.stats()["windows"]["account 1"][0]
        assert (window["used"], window["limited"], window["neighbours"]) == (10, 2, 11)


def test_statistics_tell_clients_apart(ask):
    with Simulator(SimulatorConfig(rate_limit=3, rate_window_s=3_600)) as sim:
        for client in ("one", "two", "two", "two"):
            ask(sim, "/account", headers={"X-Client": client})
        stats = sim.stats()
        assert stats["clients"] == {"one": 1, "two": 3}
        assert stats["limited_by_client"] == {"two": 1}
        assert stats["first_at"] <= stats["last_at"]
        sim.clear_requests()
        assert sim.stats()["requests"] == 0
        assert ask(sim, "/account").status_code == 429
