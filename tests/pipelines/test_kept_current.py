"""`givlake status` says so when nothing keeps the folder current."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.health.schedule_watch import describe_staleness

BY_SCHEDULE = {"dagster/schedule_name": "poll"}
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def noted(owner) -> object:
    with owner.lake() as lake:
        return lake.state.get("kept_current_at")


def run(owner, job: str, tags) -> bool:
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def(job)
        return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


def is_now(text: object) -> bool:
    return abs(datetime.now(UTC) - datetime.fromisoformat(str(text))) < timedelta(minutes=5)


@pytest.mark.slow
def test_sync_counts_if_it_could_ask(simulate, own, today, yesterday):
    sim = simulate(inverters=1, rows_per_day=24)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", today).status == 0
    assert noted(owner) is None
    sim.fail("", status=500)
    assert owner.givlake("sync").status == 1
    assert noted(owner) is None
    sim.clear_failures()
    sim.fail(f"data-points/{yesterday}", status=500)
    assert owner.givlake("sync").status == 1
    assert is_now(noted(owner))


@pytest.mark.slow
def test_a_run_counts_if_a_schedule_has_started_it_and_it_could_ask(simulate, own, today):
    sim = simulate(inverters=2, rows_per_day=24)
    owner = own(sim)
    days = {
        "dagster/asset_partition_range_start": f"{today - timedelta(days=1)}",
        "dagster/asset_partition_range_end": f"{today}",
    }
    ingest = "ingest_inverter_data_points"
    assert run(owner, ingest, days)
    assert run(owner, "poll", {})
    assert noted(owner) is None
    sim.fail("data-points", status=500)
    assert not run(owner, ingest, {**days, **BY_SCHEDULE})
    assert noted(owner) is None
    sim.clear_failures()
    sim.fail(f"{sim.serials[0]}/data-points", status=500)
    assert not run(owner, ingest, {**days, **BY_SCHEDULE})
    assert is_now(noted(owner))

    with owner.lake() as lake:
        lake.state.set("kept_current_at", None)
    sim.fail("", status=500)
    assert not run(owner, "poll", BY_SCHEDULE)
    assert noted(owner) is None
    sim.clear_failures()
    assert run(owner, "poll", BY_SCHEDULE)
    assert is_now(noted(owner))


@pytest.mark.parametrize(
    ("kept_at", "made_ago", "said"),
    [
        ("2026-11-25T11:59:00+00:00", 400, None),
        ("2026-11-24T12:00:00+00:00", 400, None),
        ("2026-11-24T11:59:59+00:00", 400, "since 2026-11-24 11:59 UTC: run givlake sync"),
        ("2026-11-20T04:20:11+00:00", 400, "since 2026-11-20 04:20 UTC: run givlake sync"),
        # The clock was put back by some hours, or was once in another year.
        ("2026-11-25T20:00:00+00:00", 400, None),
        ("2031-01-01T00:00:00+00:00", 400, "No schedule and no givlake sync has run"),
        ("2031-01-01T00:00:00+00:00", 0, None),
        ("nonsense", 400, "No schedule and no givlake sync has run"),
        (None, 400, "No schedule and no givlake sync has run for this data folder: run"),
        (None, 1, None),
        (None, -400, None),
    ],
)
def test_messages_about_times(own, simulate, kept_at, made_ago, said):
    owner = own(simulate(inverters=1))
    with owner.lake() as lake:
        lake.state.set("kept_current_at", kept_at)
        made_at = (NOW - timedelta(days=made_ago)).isoformat()
        store = json.loads((owner.data / "store.json").read_text())
        (owner.data / "store.json").write_text(json.dumps({**store, "made_at": made_at}))
        found = describe_staleness(lake, NOW)
    assert (found is None) == (said is None), found
    assert said is None or said in found


@pytest.mark.slow
def test_status_warns_where_people_look_and_beside_what_programs_read(simulate, own, today):
    owner = own(simulate(inverters=1, rows_per_day=24, commissioned=today))
    assert owner.givlake("sync").status == 0
    assert "current" not in owner.givlake("status").output
    with owner.lake() as lake:
        lake.state.set("kept_current_at", "2020-02-03T04:05:06+00:00")
    warning = "Not updated since 2020-02-03 04:05 UTC: run givlake sync"
    table = owner.givlake("status")
    assert table.status == 0
    assert warning in table.out
    for layout in ("json", "csv"):
        done = owner.givlake("status", "--format", layout)
        assert done.status == 0
        assert (warning in done.err, "current since" in done.out) == (True, False)
    json.loads(owner.givlake("status", "--format", "json").out)
    # Of a folder in which nothing is known yet there is another sentence.
    other = own(simulate(inverters=1), GIVLAKE_DATA=str(owner.folder / "new"))
    assert "current since" not in other.givlake("status").output
