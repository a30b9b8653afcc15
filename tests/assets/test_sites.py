"""Sites and their statuses: every leaf, nothing personal, null as a status, who may not look."""

import json
from datetime import UTC, date, datetime

import pytest

from assets.framework.ingestion.planner import due_devices
from assets.site_statuses import DATASET as STATUSES
from assets.sites import DATASET as SITES
from pipelines.discovery import known_state_of
from tests.support.api_examples import example, needs_shared
from tests.support.simulated_home import decode, rows_of

PERSONAL = ("name", "account", "latitude", "longitude")


def site(**changes):
    return {
        "id": 901,
        "name": "Nowhere",
        "account": "somebody.41",
        "date_created": "2023-04-05",
        "country": "UNITED_KINGDOM",
        "timezone": "GMT",
        "tz_timezone": "Europe/London",
        "latitude": 45.5,
        "longitude": -31,
        "type": "THREE_PHASE",
        "products": [{"kind": 1}],
        **changes,
    }


def test_each_leaf_of_a_site_is_a_column():
    (row,) = rows_of(decode(SITES, {"data": [site()]}), "sites")
    sent = site()
    assert row == {
        "site_id": sent.pop("id"),
        "created_date": date.fromisoformat(sent.pop("date_created")),
        **sent,
        "products": '[{"kind":1}]',
        "extra_fields": None,
    }


def test_odd_sites_are_kept_or_quarantined():
    answer = [
        site(date_created="yesterday", heating="gas", products=None, latitude="45.5"),
        site(id=None),
        site(id=902, latitude=100),
    ]
    decoded = decode(SITES, {"data": answer})
    row, nowhere = rows_of(decoded, "sites")
    assert (row["created_date"], row["products"], row["latitude"]) == (None, None, 45.5)
    assert (nowhere["site_id"], nowhere["latitude"]) == (902, None)
    assert json.loads(row["extra_fields"]) == {"heating": "gas", "date_created": "yesterday"}
    assert [(r["row_index"], r["column"]) for r in decoded.quarantine.to_pylist()] == [
        (1, "site_id"),
        (2, "latitude"),
    ]


def test_what_was_left_out_before_archiving_is_null_and_no_drift():
    redacted = {name: {"redacted": "string"} for name in ("name", "account")}
    redacted |= {name: {"redacted": "number"} for name in ("latitude", "longitude")}
    decoded = decode(SITES, {"data": [site(**redacted)]})
    (row,) = rows_of(decoded, "sites")
    assert [row[name] for name in PERSONAL] == [None] * 4
    assert (row["site_id"], decoded.drift) == (901, [])


@needs_shared
def test_the_documents_sites_land_whole():
    answer = example("Get Your Sites")
    landed = [
        {"id": row.pop("site_id"), "date_created": row.pop("created_date").isoformat(), **row}
        | {"products": json.loads(row["products"])}
        for row in rows_of(decode(SITES, answer), "sites")
    ]
    assert landed == [{**sent, "extra_fields": None} for sent in answer["data"]]


@pytest.mark.parametrize(
    ("status", "name"), [("vacant", "Vacant"), (None, None), ("asleep", "unknown (asleep)")]
)
def test_a_status_is_kept_and_null_is_one(status, name):
    decoded = decode(STATUSES, {"status": status}, device_id="901")
    assert rows_of(decoded, "site_statuses") == [
        {
            "site_id": 901,
            "status": status,
            "status_name": name,
            "has_status": status is not None,
            "extra_fields": None,
        }
    ]


@pytest.mark.parametrize("answer", [{"state": "vacant"}, {"status": 3}])
def test_a_response_without_a_status_goes_to_quarantine(answer):
    decoded = decode(STATUSES, answer, device_id="901")
    assert rows_of(decoded, "site_statuses") == []
    (row,) = decoded.quarantine.to_pylist()
    assert (row["column"], json.loads(row["raw"])) == ("status", answer)


@needs_shared
def test_the_documents_status_lands():
    (row,) = rows_of(decode(STATUSES, example("Get Site Status"), device_id="17"), STATUSES.name)
    assert (row["site_id"], row["status"]) == (17, "vacant")


def test_nothing_personal_is_stored_unless_the_owner_says_so(home):
    at_home = home({"GIVLAKE_KEEP_PERSONAL": "sites:data[].latitude"})
    sim = at_home.simulator
    assert at_home.refresh(SITES).failures == []
    (row,) = at_home.rows("FROM sites")
    (truth,) = sim.truth_of("site", str(sim.account["id"]))
    assert (row["site_id"], row["tz_timezone"]) == (truth["id"], truth["tz_timezone"])
    assert [row[name] for name in PERSONAL] == [None, None, truth["latitude"], None]


def test_a_status_that_is_taken_back_is_a_version(home):
    at_home = home(site_status_approved=True)
    sim = at_home.simulator
    at_home.refresh(SITES)
    (site_id,) = (row["site_id"] for row in at_home.rows("FROM sites"))
    for status in ("opted_in", "opted_in", None):
        sim.set_listing("site-status", str(site_id), [{"status": status}])
        assert at_home.refresh(STATUSES).failures == []
        assert at_home.paths() == [f"/site/{site_id}/status"]
    assert at_home.rows(
        "SELECT site_id, status_name, valid_to IS NULL AS is_now FROM site_statuses"
        " ORDER BY valid_from"
    ) == [
        {"site_id": site_id, "status_name": "Opted In", "is_now": False},
        {"site_id": site_id, "status_name": None, "is_now": True},
    ]


@pytest.mark.slow
def test_statuses_that_few_may_read_are_no_failure(home):
    at_home = home()
    at_home.refresh(SITES)
    report = at_home.refresh(STATUSES)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert report.unavailable != []
    at_home.refresh_later(STATUSES)
    assert len(at_home.paths()) == 1
    at_home.refresh(STATUSES)
    assert at_home.paths() == []


@pytest.mark.slow
def test_weekly_datasets_that_ask_about_no_device_are_not_due_every_time(home):
    at_home = home(site_status_approved=True)
    at_home.refresh(SITES)
    at_home.refresh(STATUSES)
    with at_home.session() as session:
        view = known_state_of(session, {})
        assert view.now > datetime(2025, 1, 1, tzinfo=UTC)
        assert due_devices(STATUSES, view) == frozenset()
        assert due_devices(SITES, view) == frozenset()
