"""The time zone of the days: the setting, else a usable one of the API, else the default."""

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.slow

START, END = date(2025, 6, 1), date(2025, 6, 2)
RANGE = ("--start", START, "--end", END)
STARTS = "SELECT start_local, start_at FROM energy_flows ORDER BY start_at"
DATASETS = "inverter_data_points,energy_flows"


def send_zone(sim, zone):
    """Make the API send a time zone of the account."""
    body = json.dumps({"data": {"id": sim.account["id"], "standard_timezone": zone}}).encode()
    sim.override(r"/account$", body)


def accounts_requested(sim):
    """Return the number of requests for the account."""
    return sum(request.path == "/v1/account" for request in sim.requests)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("GMT Standard Time", '"GMT Standard Time"'),
        ({"name": "Europe/London"}, "{"),
        (None, None),
    ],
)
def test_a_zone_that_is_no_iana_name_is_reported_and_not_used(simulate, own, sent, shown):
    sim = simulate(inverters=1)
    send_zone(sim, sent)
    owner = own(sim)
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 0, done.output
    said = "The API sends " + ("no time zone of" if shown is None else "the account's time zone as")
    for text in (done.output, owner.givlake("status").output, owner.givlake("doctor").output):
        (line,) = [line for line in text.splitlines() if said in line]
        assert "days are in Europe/London" in line
        assert "set GIVLAKE_TIMEZONE" in line
        assert (shown or "") in line
    assert owner.state()["account_zone"] == "Europe/London"


def test_a_zone_in_other_letter_case_is_used_by_its_iana_name(simulate, own):
    sim = simulate(inverters=1)
    send_zone(sim, " australia/SYDNEY ")
    owner = own(sim)
    done = owner.givlake("backfill", *RANGE)
    assert "time zone" not in done.output
    assert owner.state()["account_zone"] == "Australia/Sydney"


def test_a_zone_that_is_set_outranks_the_account_and_doctor_says_so(simulate, own):
    owner = own(simulate(inverters=1), GIVLAKE_TIMEZONE="Australia/Sydney")
    assert owner.givlake("backfill", *RANGE).status == 0
    times = {row["time"]: row["local_time"] for row in owner.rows()}
    sydney = ZoneInfo("Australia/Sydney")
    assert times == {time: time.astimezone(sydney).replace(tzinfo=None) for time in times}
    said = owner.givlake("doctor").out
    assert "The account's time zone is Europe/London: days are in Australia/Sydney" in said
    owner.settings["GIVLAKE_TIMEZONE"] = "Europe/London"
    assert "The account's time zone is" not in owner.givlake("doctor").out


def test_a_zone_that_becomes_known_corrects_what_was_fetched_without_a_request(
    simulate, own, caplog
):
    sim = simulate(inverters=1, timezone="Australia/Sydney")
    send_zone(sim, None)
    owner = own(sim, GIVLAKE_DATASETS=DATASETS)
    assert owner.givlake("backfill", *RANGE).status == 0
    assert owner.sql(STARTS)[0] == {
        "start_local": datetime(2025, 6, 1),
        "start_at": datetime(2025, 5, 31, 23, tzinfo=UTC),
    }
    sim.clear_failures()
    sim.clear_requests()
    done = owner.givlake("sync")
    assert done.status == 0, done.output
    assert "Days are in the time zone Australia/Sydney from now on" in caplog.text
    assert accounts_requested(sim) == 1
    assert not [r for r in sim.requests if "2025-06-0" in r.path + str(r.query)]
    flows, sydney = owner.sql(STARTS), ZoneInfo("Australia/Sydney")
    assert [row for row in flows if row["start_at"].year == 2025] == [
        {"start_local": row["start_local"], "start_at": row["start_local"].replace(tzinfo=sydney)}
        for row in flows
        if row["start_at"].year == 2025
    ]
    assert {row["local_time"] for row in owner.rows()} == {
        row["time"].astimezone(sydney).replace(tzinfo=None) for row in owner.rows()
    }
    assert {row["over_at"] for row in _facts(owner)} == {
        datetime(2025, 6, 2, tzinfo=UTC),
        datetime(2025, 6, 3, tzinfo=UTC),
    }
    assert owner.givlake("verify").status == 0
    caplog.clear()
    assert owner.givlake("sync").status == 0
    assert "time zone" not in caplog.text


def _facts(owner):
    """Return when the days of energy flows in June 2025 were over."""
    path = owner.data / "index" / "coverage" / "month=2025-06.parquet"
    return owner.sql(f"SELECT over_at FROM read_parquet('{path}') WHERE dataset = 'energy_flows'")


def test_a_known_zone_stays_while_the_account_cannot_be_read_or_has_none(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    assert owner.givlake("backfill", *RANGE).status == 0
    sent = owner.state()["account_zone_sent"]
    owner.set_state(account_zone_sent={**sent, "at": "2025-01-01T00:00:00Z"})
    sim.fail(r"/account$", status=500)
    assert owner.givlake("sync").status == 0
    sim.clear_failures()
    send_zone(sim, "GMT Standard Time")
    done = owner.givlake("sync")
    assert "days are in Europe/London, as before." in done.output
    assert owner.state()["account_zone"] == "Europe/London"


def test_an_unusable_zone_of_an_earlier_version_is_not_used(simulate, own):
    owner = own(simulate(inverters=1))
    assert owner.givlake("backfill", *RANGE).status == 0
    owner.set_state(account_zone="GMT Standard Time")
    assert "2 device-days complete" in owner.givlake("status").out
    assert owner.givlake("sync").status == 0
    assert owner.state()["account_zone"] == "Europe/London"


def test_an_account_without_a_usable_id_does_not_stop_the_backfill(simulate, own):
    sim = simulate(inverters=1)
    body = json.dumps({"data": {"id": {"a": 1}, "standard_timezone": "Europe/London"}}).encode()
    sim.override(r"/account$", body)
    owner = own(sim)
    assert owner.givlake("backfill", *RANGE).status == 0
    assert owner.state()["account_zone"] == "Europe/London"
