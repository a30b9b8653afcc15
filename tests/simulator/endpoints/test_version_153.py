"""What version 1.53 adds: strict parameters, both shapes, writes are violations, versions."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

NOW = dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
SERIAL = "XA0000G000"
READS = (
    f"/inverter/{SERIAL}/health",
    f"/inverter/{SERIAL}/preset-profile",
    "/site/70001/data/latest",
    "/site/70001/energy-data/latest",
    "/lock",
    f"/lock/inverter/{SERIAL}",
    "/smart-tariff/automation/2025-07-01",
    "/smart-tariff/automation-settings",
    "/smart-tariff/scheduler/slots?start_date=2025-07-01&end_date=2025-07-01",
)
SLOTS = "/smart-tariff/scheduler/slots"


def simulator_of(**settings):
    grants = (TokenGrant("all"), TokenGrant("none", scopes=frozenset()))
    return Simulator(
        SimulatorConfig(clock=NOW, commissioned=dt.date(2025, 6, 1), tokens=grants, **settings)
    )


@pytest.fixture(scope="module")
def sim():
    with simulator_of(rate_limit=100_000) as simulator:
        yield simulator


@pytest.mark.parametrize("path", READS)
def test_each_needs_its_scope_and_violates_nothing(sim, ask, path):
    assert ask(sim, path).json()["data"]
    assert ask(sim, path, token="none").status_code == 403
    assert sim.commands_received == 0


def test_things_of_others_or_of_nobody_are_not_found(sim, ask):
    for path in ("/inverter/XX/health", "/inverter/XX/preset-profile", "/site/9/data/latest"):
        assert ask(sim, path).status_code == 404
    assert ask(sim, "/lock/inverter/XX").status_code == 404
    assert ask(sim, f"/lock/toaster/{SERIAL}").status_code == 404


@pytest.mark.parametrize("version", ["1.26", "1.35"])
def test_earlier_versions_have_none_of_it(ask, version):
    with simulator_of(api_version=version) as simulator:
        assert {ask(simulator, path).status_code for path in READS} == {404}
        status = ask(simulator, "/sso/me/accounts").status_code
        assert status == (404 if version == "1.26" else 200)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["start_date", "end_date"]),
        ("?start_date=2025-07-01", ["end_date"]),
        ("?start_date=&end_date=2025-07-01", ["start_date"]),
        ("?start_date=2025-02-30&end_date=2025-07-01", ["start_date"]),
        ("?start_date=2025-07-01T00:00:00Z&end_date=2025-07-01", ["start_date"]),
        ("?start_date=2025-07-02&end_date=2025-07-01", ["end_date"]),
        ("?start_date=2025-06-01&end_date=2025-07-02", ["end_date"]),
    ],
)
def test_ranges_of_slots_are_checked(sim, ask, query, fields):
    answer = ask(sim, SLOTS + query)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, fields)


@pytest.mark.parametrize("date", ["2025-02-30", "today", "20250701", "2025-7-1"])
def test_the_date_of_the_automation_is_checked(sim, ask, date):
    answer = ask(sim, f"/smart-tariff/automation/{date}")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["date"])


def test_slots_are_of_the_days_that_are_asked_for(sim, ask):
    def starts(first, last):
        rows = ask(sim, f"{SLOTS}?start_date={first}&end_date={last}").json()["data"]
        return sorted({row["start_time"][:10] for row in rows})

    assert starts("2025-07-01", "2025-07-02") == ["2025-07-01", "2025-07-02"]
    # Tomorrow is planned, the day after it and the time before the installation are not.
    assert starts("2025-07-03", "2025-07-09") == ["2025-07-03"]
    assert starts("2025-05-25", "2025-06-01") == ["2025-06-01"]
    assert ask(sim, "/smart-tariff/automation/2025-07-03").json() == {"data": []}


def test_what_nobody_documents_comes_as_is_set(ask):
    with simulator_of(undocumented_as="object") as simulator:
        found = {path: ask(simulator, path).json()["data"] for path in READS}
    assert all(isinstance(data, dict) for data in found.values())
    health = found[READS[0]]
    assert health["Grid Connection"] == "ok" or health["Grid Connection"]["status"]
    assert "time" not in found["/site/70001/data/latest"]
    assert found["/smart-tariff/automation/2025-07-01"].keys() >= {"version", "slots"}


def test_a_shape_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="undocumented shape is csv; it must be list or object"):
        SimulatorConfig(undocumented_as="csv")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/lock/1000"),
        ("POST", f"/lock/inverter/{SERIAL}/create"),
        ("POST", f"/lock/inverter/{SERIAL}/cleanup"),
        ("POST", f"/inverter/{SERIAL}/preset-profile"),
        ("PUT", f"/inverter/{SERIAL}/preset-profile"),
        ("DELETE", f"/inverter/{SERIAL}/preset-profile"),
        ("POST", f"/inverter/{SERIAL}/preset-profile/apply"),
        ("PUT", "/smart-tariff/automation-settings"),
        ("POST", "/smart-tariff/tariff"),
        ("PUT", "/smart-tariff/tariff"),
        ("DELETE", "/smart-tariff/tariff"),
    ],
)
def test_whatever_changes_something_is_a_violation(ask, method, path):
    with simulator_of() as simulator:
        assert ask(simulator, path, method).status_code == 200
        assert simulator.commands_received == 1
