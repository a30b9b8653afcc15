"""`givlake metrics`: what Prometheus reads is what `status` shows, and names no device."""

import json
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import clock
from tests.support.simulator_truth import days_between
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 3))
DATASETS = "inverter_data_points,inverter_system_readings,inverter_events"


def samples(text: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """Return the values by name and labels, as Prometheus' own parser reads them."""
    found: dict[str, dict] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(found, name, **labels):
    """Return the sum of the values of the series that have some labels."""
    series = found.get(f"givlake_{name}", {})
    return sum(each for key, each in series.items() if labels.items() <= dict(key).items())


@pytest.fixture
def owner(simulate, own):
    sim = simulate(inverters=3, commissioned=date(2025, 5, 1))
    owner = own(sim, GIVLAKE_DATASETS=DATASETS)
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[-1]).status == 0
    return owner


def test_they_say_what_status_says(owner):
    shown = json.loads(owner.givlake("status", "--format", "json").out)
    done = owner.givlake("metrics")
    assert (done.status, done.err) == (0, "")
    found = samples(done.out)
    (points,) = [each for each in shown if each["dataset"] == "inverter_data_points"]
    states = Counter()
    for key, days in found["givlake_coverage"].items():
        assert dict(key)["dataset"] == "inverter_data_points"
        states[dict(key)["state"]] += int(days)
    assert states == Counter(points["days_by_state"])
    assert states["complete"] == 9
    snapshots = [each for each in shown if "last_requests" in each]
    for each in snapshots:
        unsettled = value(found, "unsettled_requests", dataset=each["dataset"])
        assert unsettled == len(each["not_requested"])
        oldest = min(datetime.fromisoformat(r["complete_at"]) for r in each["last_requests"])
        assert value(
            found, "oldest_fetch_timestamp_seconds", dataset=each["dataset"]
        ) == pytest.approx(oldest.timestamp())
    (newest,) = owner.sql("SELECT max(time) AS at FROM inverter_data_points")
    at = value(found, "newest_row_timestamp_seconds", dataset="inverter_data_points")
    assert at == newest["at"].timestamp()
    assert value(found, "devices", kind="inverter") == 3
    assert value(found, "pending_responses") == sum(each["pending_responses"] for each in shown)
    assert value(found, "request_limit") == 100_000
    requests = sum(row["n"] for row in owner.sql("SELECT count(*) AS n FROM requests"))
    assert value(found, "requests_last_day", result="answered") >= requests
    assert value(found, "requests_last_day", result="rate_limited") == 0
    assert value(found, "budget_readable") == 1
    assert value(found, "disk_used_bytes") > 0
    assert value(found, "disk_free_bytes") > 0
    # Only `sync` and schedules keep a folder up to date.
    assert "givlake_last_update_timestamp_seconds" not in found
    (account,) = {dict(key)["account"] for key in found["givlake_coverage"]}
    assert account == owner.state()["account_key"]


@pytest.mark.slow
def test_rows_in_quarantine_and_the_last_update_are_told(simulate, own):
    sim = simulate(inverters=1, commissioned=date(2025, 5, 1), anomalies={"unparsable_time": 0.2})
    owner = own(sim)
    owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[0])
    owner.givlake("sync")
    found = samples(owner.givlake("metrics").out)
    (shown,) = [
        each
        for each in json.loads(owner.givlake("status", "--format", "json").out)
        if each["dataset"] == "inverter_data_points"
    ]
    rows = value(found, "quarantined_rows", part="whole", dataset="inverter_data_points")
    assert rows == sum(shown["quarantined"].values()) > 0
    updated = datetime.fromisoformat(owner.state()["kept_current_at"])
    assert value(found, "last_update_timestamp_seconds") == updated.timestamp()


@pytest.mark.slow
def test_the_number_of_series_does_not_depend_on_the_number_of_devices(simulate, own, owner):
    few = owner.givlake("metrics").out
    many = own(simulate(inverters=40, commissioned=date(2025, 5, 1)), GIVLAKE_DATASETS=DATASETS)
    assert many.givlake("backfill", "--start", DAYS[0], "--end", DAYS[0]).status == 0
    text = many.givlake("metrics").out
    assert len(samples(text)) == len(samples(few))
    assert len(text.splitlines()) == len(few.splitlines())
    assert "40" in text
    serials = {row["id"] for row in many.sql("SELECT inverter_serial AS id FROM inverters")}
    assert [serial for serial in serials if serial in text] == []


def test_a_file_is_replaced_as_a_whole(owner, tmp_path):
    target = tmp_path / "givlake.prom"
    target.write_text("old\n")
    with target.open() as old:
        done = owner.givlake("metrics", "--output", target)
        assert (done.status, done.out, done.err) == (0, "", "")
        assert old.read() == "old\n"
    assert value(samples(target.read_text()), "devices") == 3
    # node_exporter reads it as another user, unless the umask forbids it.
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o666 == 0o666 & ~umask
    assert [path.name for path in tmp_path.iterdir() if "givlake.prom" in path.name] == [
        "givlake.prom"
    ]


@pytest.mark.slow
def test_a_request_budget_that_cannot_be_read_hides_nothing_else(owner):
    pytest.importorskip("psycopg2")
    owner.settings["GIVLAKE_BUDGET_URL"] = "postgresql://me:s3cret@127.0.0.1:1/north"
    done = owner.givlake("metrics")
    found = samples(done.out)
    assert done.status == 1
    assert "The request budget in postgresql://me@127.0.0.1:1/north cannot be reached" in done.err
    assert value(found, "budget_readable") == 0
    assert value(found, "account_readable") == 1
    assert value(found, "devices", kind="inverter") == 3
    assert "givlake_request_limit" not in found
    assert "s3cret" not in done.output


def test_a_file_that_would_not_be_read_is_refused(owner):
    for output, sentence in (
        ("givlake.txt", "end it in .prom"),
        ("absent/givlake.prom", "there is no folder"),
        ("data/givlake.prom", "it is in the data folder"),
    ):
        done = owner.givlake("metrics", "--output", owner.folder / output)
        assert (done.status, done.out) == (2, "")
        assert sentence in done.err


@pytest.mark.new_folder
def test_without_a_data_folder_nothing_is_written(simulate, own, tmp_path):
    target = tmp_path / "givlake.prom"
    done = own(simulate()).givlake("metrics", "--output", target)
    assert done.status == 2
    assert "No data in" in done.err
    assert not target.exists()


def test_a_folder_without_data_has_metrics(simulate, own):
    done = own(simulate()).givlake("metrics")
    assert (done.status, done.err) == (0, "")
    found = samples(done.out)
    assert value(found, "coverage") == 0
    assert "givlake_newest_row_timestamp_seconds" not in found


@pytest.mark.slow
def test_requests_of_an_earlier_day_do_not_count(owner):
    assert value(samples(owner.givlake("metrics").out), "windows_used_last_day") >= 1
    two_days_later = datetime.now(UTC) + timedelta(days=2)
    with clock.at(two_days_later.isoformat()):
        found = samples(owner.givlake("metrics").out)
    assert value(found, "windows_used_last_day") == value(found, "requests_last_day") == 0


def test_a_new_account_is_one_without_data(simulate, tmp_path):
    operator = TwoAccounts(tmp_path, simulate(tokens=TOKENS))
    done = operator.givlake("metrics")
    assert (done.status, done.err) == (0, "")
    found = samples(done.out)
    for account in (NORTH, SOUTH):
        assert value(found, "account_readable", account=account) == 1
        assert value(found, "coverage", account=account) == 0
        assert value(found, "disk_free_bytes", account=account) > 0
    # The alert about an account that nothing updates is about this difference.
    assert "givlake_last_update_timestamp_seconds" not in found
    assert not (operator.accounts / SOUTH).exists()


@pytest.mark.slow
def test_all_accounts_are_told_and_one_that_cannot_be_read_hides_none(simulate, tmp_path):
    sim = simulate(inverters=2, commissioned=date(2025, 5, 1), tokens=TOKENS)
    operator = TwoAccounts(tmp_path, sim)
    assert operator.of(NORTH, "backfill", "--start", DAYS[0], "--end", DAYS[0]).status == 0
    target = tmp_path / "givlake.prom"
    file = operator.accounts / f"{SOUTH}.env"
    usual = file.read_text()
    file.write_text(f"{usual}GIVLAKE_DATA=/not-mounted/{SOUTH}\n")
    done = operator.givlake("metrics", "--output", target)
    assert (done.status, done.out) == (1, "")
    assert "The account south cannot be read: No data in" in done.err
    file.write_text(usual)
    found = samples(target.read_text())
    assert value(found, "account_readable", account=NORTH) == 1
    assert value(found, "account_readable", account=SOUTH) == 0
    assert operator.of(SOUTH, "backfill", "--start", DAYS[0], "--end", DAYS[1]).status == 0
    done = operator.givlake("metrics")
    assert done.status == 0, done.err
    found = samples(done.out)
    assert value(found, "coverage", account=NORTH, state="complete") == 2
    assert value(found, "coverage", account=SOUTH, state="complete") == 4
    (alone,) = {
        dict(key)["account"]
        for key in samples(operator.of(SOUTH, "metrics").out)["givlake_account_readable"]
    }
    assert alone == SOUTH
    done = operator.givlake("metrics", "--output", operator.accounts / "givlake.prom")
    assert done.status == 2
    assert TOKENS[0].token not in done.output
