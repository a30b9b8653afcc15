"""What Dagster's users look for: owners, domains, layers, freshness, resources to configure."""

from datetime import date

import dagster as dg
import pytest

from assets.framework.contract.dataset import Cadence, SnapshotDataset
from assets.registry import datasets
from tests.support.simulator_truth import days_between

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 2))


def test_every_asset_has_an_owner_a_domain_and_one_layer(simulate, own):
    owner = own(simulate())
    with owner.dagster() as (definitions, _):
        graph = definitions.resolve_asset_graph()
        nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    for node in nodes:
        assert list(node.owners) == ["team:energy-data"]
        assert node.tags["domain"]
        assert node.description
        assert len({"bronze", "silver", "gold"} & node.kinds) == 1
        assert node.is_executable == ("gold" not in node.kinds)


def test_tables_are_watched_for_the_age_that_their_schedules_allow(simulate, own):
    owner = own(simulate(), GIVLAKE_DATASETS="+sso_accounts", GIVLAKE_READ_SETTINGS="weekly")
    hours = {Cadence.EVERY_POLL: (3, 12), Cadence.DAILY: (26, 50), Cadence.WEEKLY: (192, 360)}
    with owner.dagster() as (definitions, _):
        graph = definitions.resolve_asset_graph()
        for dataset in datasets():
            cadence = dataset.cadence if isinstance(dataset, SnapshotDataset) else Cadence.DAILY
            for table in dataset.output_tables:
                policy = graph.get(dg.AssetKey(table.name)).freshness_policy
                windows = (policy.warn_window, policy.fail_window)
                found = tuple(window.to_timedelta().total_seconds() / 3600 for window in windows)
                assert found == hours[cadence], table.name


def test_a_view_is_a_gold_asset_below_the_tables_that_it_reads(simulate, own):
    owner = own(simulate())
    with owner.dagster() as (definitions, _):
        graph = definitions.resolve_asset_graph()
        gaps = graph.get(dg.AssetKey("gaps"))
        assert gaps.parent_keys == {dg.AssetKey("inverter_data_points")}
        columns = [column.name for column in gaps.metadata["dagster/column_schema"].columns]
        # No view without all of its tables: this owner has the data points only.
        assert dg.AssetKey("ev_session_energies") not in graph.get_all_asset_keys()
    owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[0])
    assert columns == [row["column_name"] for row in owner.sql("DESCRIBE gaps")]


@pytest.mark.slow
def test_a_run_can_be_configured_with_other_numbers_than_the_settings(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    job, tags = "ingest_inverter_data_points", {"dagster/partition": f"{DAYS[0]}"}
    with owner.dagster() as (definitions, instance):
        run = definitions.resolve_job_def(job).execute_in_process
        bad = {"resources": {"givenergy": {"config": {"connections": 0}}}}
        done = run(instance=instance, tags=tags, run_config=bad, raise_on_error=False)
        assert not done.success
        said = str(done.all_events)
        assert "GIVLAKE_CONNECTIONS is '0'" in said
        wrong = {"resources": {"rate_limit": {"config": {"reserve": -50}}}}
        done = run(instance=instance, tags=tags, run_config=wrong, raise_on_error=False)
        assert "GIVLAKE_RESERVE is '-50'" in str(done.all_events)
        assert not sim.requests
        good = {"resources": {"givenergy": {"config": {"connections": 2}}}}
        assert run(instance=instance, partition_key=f"{DAYS[0]}", run_config=good).success
    assert owner.states()["complete"] == 1
