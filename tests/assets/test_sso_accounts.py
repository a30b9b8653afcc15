"""SSO accounts: only if they are named, nothing personal unless it is kept."""

import pytest

from assets.sso_accounts import DATASET
from pipelines.selection import selected
from tests.support.settings import settings_of
from tests.support.simulated_home import decode, rows_of

PERSONAL = (
    *("name", "first_name", "surname", "email", "address", "postcode", "telephone_number"),
    "company",
)
KEPT = ("role", "country", "timezone", "standard_timezone")


def test_each_leaf_is_a_column():
    sent = {name: f"{name} x" for name in (*PERSONAL, *KEPT)}
    (row,) = rows_of(decode(DATASET, {"data": [{"id": 7, **sent, "vip": True}]}), DATASET.name)
    assert row == {
        "account_id": 7,
        **sent,
        "role_name": "unknown (role x)",
        "extra_fields": '{"vip":true}',
    }


def test_odd_accounts_are_quarantined():
    decoded = decode(DATASET, {"data": [{"id": None}, 3, {"id": 8, "company": 4}]})
    assert [row["account_id"] for row in rows_of(decoded, DATASET.name)] == [8]
    entries = [(e["row_index"], e["column"]) for e in decoded.quarantine.to_pylist()]
    assert sorted(entries) == [(0, "account_id"), (1, "row"), (2, "company")]


@pytest.mark.parametrize(
    ("setting", "is_on"),
    [
        ("", False),
        ("-sites", False),
        ("+sso_accounts", True),
        ("+sso_accounts,-sites", True),
        ("sso_accounts", True),
        ("sites,+sso_accounts", True),
        ("+sso_accounts,-sso_accounts", False),
    ],
)
def test_it_runs_only_if_it_is_named(setting, is_on):
    names = [dataset.name for dataset in selected(settings_of({"GIVLAKE_DATASETS": setting}))]
    assert (DATASET.name in names) == is_on
    # `+` adds to the usual ones.
    assert ("energy_flows" in names) == (setting not in ("sso_accounts", "sites,+sso_accounts"))


@pytest.mark.slow_but_first
@pytest.mark.parametrize("keep", [(), ("company",), ("company", "surname")])
def test_the_table_has_what_the_simulator_has_but_for_the_personal(home, keep):
    entries = ",".join(f"sso_accounts:data[].{leaf}" for leaf in keep)
    at_home = home({"GIVLAKE_KEEP_PERSONAL": entries}, account_type="engineer", children=2)
    sim = at_home.simulator
    assert at_home.refresh(DATASET).failures == []
    assert at_home.paths() == ["/sso/me/accounts"]
    rows = at_home.rows("FROM sso_accounts ORDER BY account_id")
    truth = sorted(sim.truth_of("sso-accounts", str(sim.account["id"])), key=lambda row: row["id"])
    assert len(rows) == len(truth) == 3
    assert any(sent["company"] for sent in truth)
    for row, sent in zip(rows, truth, strict=True):
        kept = {name: row[name] for name in (*KEPT, *PERSONAL)}
        assert kept == {name: sent[name] if name in (*KEPT, *keep) else None for name in kept}
        assert row["account_id"] == sent["id"]


@pytest.mark.slow_but_first
@pytest.mark.parametrize(("version", "rows"), [("1.26", 0), ("1.35", 1), ("1.53", 1)])
def test_an_api_without_it_is_no_failure(home, version, rows):
    at_home = home(api_version=version)
    report = at_home.refresh(DATASET)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert bool(report.unavailable) == (rows == 0)
    assert len(at_home.rows("FROM sso_accounts")) == rows
