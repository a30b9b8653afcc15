"""Dagster on the same data: what it loads, runs, shows and schedules."""

import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.inverter_data_points.point_columns import SCHEMA
from tests.support.clock import at_moments
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from tests.support.timeouts import TIMEOUT_S

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 3))
ARCHIVE = dg.AssetKey(["archive", "inverter_data_points"])
TABLE = dg.AssetKey("inverter_data_points")


def dagster_cli(owner, *arguments: str) -> "subprocess.CompletedProcess[str]":
    home = owner.data / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [str(Path(sys.executable).with_name("dagster")), *arguments, "-m", "pipelines.definitions"],
        cwd=owner.folder,
        env={**owner.environment, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def days_with(instance: dg.DagsterInstance, key: dg.AssetKey) -> list[str]:
    return sorted(instance.get_materialized_partitions(key))


@pytest.mark.processes
@pytest.mark.new_folder
def test_definitions_load_without_token_network_or_data_folder_and_write_nothing(own, simulate):
    sim = simulate()
    owner = own(sim, GIVENERGY_API_TOKEN="", GIVENERGY_API_URL="http://127.0.0.1:1/v1")
    program = (
        "from pipelines.definitions import defs\n"
        "names = sorted(key.to_user_string() for key in defs.resolve_all_asset_keys())\n"
        "print(*names)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=owner.folder,
        env=owner.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert done.stdout.split() == [
        "archive/communication_devices",
        "archive/inverter_data_points",
        "batteries",
        "battery_runs",
        "communication_devices",
        "data_quality_daily",
        "device_zones",
        "gaps",
        "half_hourly_balance_from_points",
        "inverter_data_points",
        "inverter_days",
        "inverter_meters",
        "inverters",
        "local_days",
        "power_profile",
        "reconcile_counters",
        "reconcile_counters_power",
        "reconcile_power",
    ]
    assert list(owner.folder.iterdir()) == []
    assert sim.requests == []


@pytest.mark.processes
@pytest.mark.slow
def test_a_range_by_the_dagster_command_and_either_key_alone(simulate, own):
    sim = simulate(inverters=2)
    owner = own(sim)
    both = "key:inverter_data_points or key:archive/inverter_data_points"
    done = dagster_cli(
        owner,
        "asset",
        "materialize",
        "--select",
        both,
        "--partition-range",
        f"{DAYS[0]}...{DAYS[-1]}",
    )
    assert done.returncode == 0, done.stderr
    wanted = expected_rows(sim, sim.serials, DAYS)
    assert_same(owner.rows(), wanted)
    assert len(sim.requests) == 2 + 6

    sim.clear_requests()
    later = DAYS[-1] + timedelta(days=1)
    with owner.dagster() as (definitions, instance):
        assert days_with(instance, ARCHIVE) == days_with(instance, TABLE) == [*map(str, DAYS)]
        job = definitions.resolve_job_def("ingest_inverter_data_points")

        # The archive alone: the table stays as it is.
        result = job.execute_in_process(
            instance=instance, asset_selection=[ARCHIVE], partition_key=f"{later}"
        )
        assert result.success
        assert len(sim.requests) == 2
        assert_same(owner.rows(), wanted)
        assert days_with(instance, TABLE) == [*map(str, DAYS)]

        # The table alone: built anew without a request, with what only the archive had.
        sim.stop()
        result = job.execute_in_process(
            instance=instance, asset_selection=[TABLE], partition_key=f"{later}"
        )
        assert result.success
        assert_same(owner.rows(), expected_rows(sim, sim.serials, [*DAYS, later]))
        assert days_with(instance, TABLE) == [*map(str, DAYS), f"{later}"]


def test_what_a_materialization_shows(simulate, own):
    sim = simulate(inverters=2)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[-1]).status == 0
    with owner.dagster() as (definitions, instance):
        for key in (ARCHIVE, TABLE):
            records = instance.fetch_materializations(key, limit=10).records
            assert sorted(record.partition_key for record in records) == [*map(str, DAYS)]
            for record in records:
                day = date.fromisoformat(record.partition_key)
                shown = {
                    name: value.value
                    for name, value in record.asset_materialization.metadata.items()
                }
                there = len(expected_rows(sim, sim.serials, [day]))
                assert shown["dagster/partition_row_count"] == there
                assert shown["rows received"] >= there
                assert shown["requests"] == shown["devices"] == 2
                assert shown["bytes received"] > 10_000
                header, _, *lines = shown["preview"].splitlines()
                assert "inverter&#95;serial" in header or "inverter_serial" in header
                assert len(lines) == 3
        asset = definitions.get_assets_def(TABLE)
        schema = asset.specs_by_key[TABLE].metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == list(SCHEMA.columns)
        assert all(column.description for column in schema.columns)
        (time_column,) = (column for column in schema.columns if column.name == "time")
        assert not time_column.constraints.nullable


def ranges(requests) -> list[tuple[str, str]]:
    start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
    return sorted((request.tags[start], request.tags[end]) for request in requests)


@pytest.mark.slow
@at_moments(
    "spring, after the skipped hour",
    "the last minutes of a month",
)
def test_the_schedules_name_the_right_days(simulate, own, today):
    sim = simulate(inverters=2)
    owner = own(sim)
    failing = today - timedelta(days=8)
    sim.fail(f"data-points/{failing}", status=500)
    first = today - timedelta(days=9)
    owner.givlake("backfill", "--start", first, "--end", today - timedelta(days=7))
    tomorrow = today + timedelta(days=1)
    with owner.dagster() as (definitions, instance):

        def evaluate(name: str, day: date, hour: int):
            schedule = definitions.resolve_schedule_def(name)
            at = datetime.combine(day, time(hour), UTC)
            with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
                return schedule.evaluate_tick(context).run_requests

        # Yesterday is closed, what failed is tried again, and what nobody asked for is left alone.
        requests = evaluate("inverter_data_points_daily", today, 4)
        assert ranges(requests) == [
            (f"{failing}", f"{failing}"),
            (f"{today - timedelta(days=1)}",) * 2,
        ]
        assert ranges(evaluate("inverter_data_points_today", today, 9)) == [(f"{today}",) * 2]
        # At half past midnight in summer the local day is ahead of the UTC day.
        summer = date(2026, 7, 1)
        at_midnight = evaluate("inverter_data_points_today", summer - timedelta(days=1), 23)
        assert ranges(at_midnight) == [(f"{summer}", f"{summer}")]

        # What a schedule asks for can be run, and closes what it names.
        sim.clear_failures()
        sim.clear_requests()
        job = definitions.resolve_job_def("ingest_inverter_data_points")
        assert job.execute_in_process(instance=instance, tags=requests[0].tags).success
        assert ranges(evaluate("inverter_data_points_daily", tomorrow, 4))[-1][1] == f"{today}"


@pytest.mark.slow
def test_a_failed_run_executed_again_requests_only_what_is_missing(simulate, own):
    sim = simulate(inverters=2)
    owner = own(sim)
    sim.fail(f"{sim.serials[0]}/data-points/{DAYS[1]}", status=500)
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def("ingest_inverter_data_points")
        tags = {
            "dagster/asset_partition_range_start": f"{DAYS[0]}",
            "dagster/asset_partition_range_end": f"{DAYS[-1]}",
        }
        failed = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        assert not failed.success
        assert days_with(instance, TABLE) == [f"{DAYS[0]}", f"{DAYS[2]}"]
        sim.clear_failures()
        sim.clear_requests()
        again = job.execute_in_process(instance=instance, tags=tags)
        assert again.success
        assert [r.path for r in sim.requests] == [
            f"/v1/inverter/{sim.serials[0]}/data-points/{DAYS[1]}"
        ]
        assert days_with(instance, TABLE) == [*map(str, DAYS)]
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))


@pytest.mark.slow
def test_a_dagster_state_that_cannot_be_used_is_reported_in_a_sentence(own, simulate):
    owner = own(simulate(inverters=1, rows_per_day=24))
    backfill = ("backfill", "--start", "2025-06-01", "--end")
    assert owner.givlake(*backfill, "2025-06-01").status == 0
    (owner.data / "dagster/history/runs.db").write_bytes(b"no database" * 1000)
    done = owner.givlake(*backfill, "2025-06-02")
    assert (done.status, "Traceback" in done.output) == (2, False)
    assert f"Dagster's state in {owner.data / 'dagster'} cannot be used" in done.err
    assert "If it is damaged, remove it: the history of runs is lost, but no data" in done.err
    shutil.rmtree(owner.data / "dagster")
    assert owner.givlake(*backfill, "2025-06-02").status == 0
    assert len({row["request_date"] for row in owner.rows()}) == 2
