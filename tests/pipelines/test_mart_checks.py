"""The key of each mart: unique over simulated data, and checked by the daily job of Dagster."""

from dataclasses import replace
from datetime import date

import dagster as dg
import pytest

from assets.marts.mart_file import marts
from pipelines.health.mart_checks import KEY_CHECK, KeyResult, check_key
from tests.support.simulator_truth import days_between

pytestmark = pytest.mark.slow

DAYS = days_between(date(2025, 3, 29), date(2025, 3, 31))
DATASETS = "inverter_data_points,energy_flows"


@pytest.fixture
def mart():
    (mart,) = (mart for mart in marts() if mart.name == "half_hourly_balance")
    return mart


def results_of(owner):
    """Run the job of data checks; give the result of each mart's check."""
    with owner.dagster() as (definitions, instance):
        result = definitions.resolve_job_def("check_data").execute_in_process(instance=instance)
    assert result.success
    return {
        evaluation.asset_key.to_user_string(): evaluation
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.check_name == KEY_CHECK
    }


def test_without_data_there_is_nothing_to_check(simulate, own):
    results = results_of(own(simulate(), GIVLAKE_DATASETS=DATASETS))
    assert {"gaps", "half_hourly_balance"} <= results.keys()
    assert {each.passed for each in results.values()} == {True}
    assert {each.description for each in results.values()} == {
        "Nothing to check: there are no rows yet."
    }


def test_keys_that_identify_no_row_are_counted(simulate, own, mart):
    sim = simulate(inverters=2, empty_day_rate=0.0, flow_gap_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS=DATASETS)
    done = owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[-1])
    assert done.status == 0, done.output
    (stored,) = owner.sql("SELECT count(*) AS rows FROM half_hourly_balance")
    rows = stored["rows"]
    # The second of three days has an hour less.
    assert rows >= 2 * (48 + 46 + 48)
    with owner.lake() as lake:
        assert check_key(lake, mart) == KeyResult(rows, 0, 0, None)
        assert check_key(lake, replace(mart, key=("inverter_serial",))).repeated_keys == 2
    evaluation = results_of(owner)["half_hourly_balance"]
    assert evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert evaluation.description == f"All {rows} rows have keys of their own."
    assert evaluation.metadata["rows"].value == rows


def test_a_null_in_a_key_is_counted_unless_it_may_be_null(simulate, own, mart):
    owner = own(simulate(inverters=1), GIVLAKE_DATASETS="inverter_data_points")
    done = owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[0])
    assert done.status == 0, done.output
    points = replace(mart, name="inverter_data_points", key=("inverter_serial", "time"))
    (stored,) = owner.sql("SELECT count(*) AS rows FROM inverter_data_points")
    key = (*points.key, "extra_fields")
    with owner.lake() as lake:
        assert check_key(lake, points) == KeyResult(stored["rows"], 0, 0, None)
        found = check_key(lake, replace(points, key=key))
        assert found.rows_without_key == stored["rows"] > 200
        assert "'extra_fields': NULL" in str(found.example)
        nullable = replace(points, key=key, nullable_key=("extra_fields",))
        assert check_key(lake, nullable) == KeyResult(stored["rows"], 0, 0, None)
