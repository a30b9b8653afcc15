"""Accounts in one instance of Dagster: what an account asks, and removes, is its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pipelines.child_environment import working_in
from pipelines.cli.first_checks import evaluate_checks_once
from pipelines.dagster_workarounds.code_location import own_runs
from pipelines.dagster_workarounds.recorded_run import execute_recorded
from pipelines.definitions_factory import CHECK_JOBS, build_definitions
from pipelines.instance import open_instance
from pipelines.named_accounts import account_environment
from pipelines.settings import Settings, load_settings
from simulator import Simulator
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

DAYS = {NORTH: "2026-06-10", SOUTH: "2026-06-11"}


@pytest.fixture
def sim(simulate: Callable[..., Simulator]) -> Simulator:
    """Simulate two accounts of an inverter each."""
    return simulate(tokens=TOKENS, inverters=1)


@contextmanager
def _in_dagster(two: TwoAccounts, name: str) -> Iterator[tuple[Settings, dg.DagsterInstance]]:
    """Open the shared instance as a process of an account does."""
    with two.environment_set(), working_in(account_environment(name)):
        settings = load_settings()
        with open_instance(settings) as instance:
            yield settings, instance


@pytest.mark.end_to_end
@pytest.mark.slow
def test_what_an_account_has_is_its_own(two: TwoAccounts) -> None:
    for name, day in DAYS.items():
        assert two.of(name, "backfill", "--start", day, "--end", day).status == 0
    for name, day in DAYS.items():
        with _in_dagster(two, name) as (settings, instance):
            assert {key.path[0] for key in instance.get_asset_keys()} == {*DAYS}
            own = dg.AssetKey([name, "inverter_data_points"])
            assert instance.get_materialized_partitions(own) == {day}
            defined = build_definitions(settings).resolve_all_asset_keys()
            assert {key.path[0] for key in defined} == {name}
            ended = {
                each: {run.run_id for run in instance.get_runs(own_runs(each))} for each in DAYS
            }
            assert all(ended.values())
            assert not ended[NORTH] & ended[SOUTH]
            # Those of the other account do not count as those of this one.
            said: list[str] = []
            evaluate_checks_once(settings, instance, said.append)
            assert len(said) == 1
            done = {run.job_name for run in instance.get_runs(own_runs(name))}
            assert {*CHECK_JOBS} <= done
            evaluate_checks_once(settings, instance, said.append)
            assert len(said) == 1


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_schedule_removes_only_old_runs_of_its_own_account(two: TwoAccounts) -> None:
    for name in (NORTH, SOUTH):
        with _in_dagster(two, name) as (settings, instance):
            execute_recorded(
                build_definitions(settings).resolve_job_def("compact_archive"),
                instance,
                account_name=name,
                run_config={},
                tags={"givlake/tick": "poll"},
            )
    with _in_dagster(two, NORTH) as (settings, instance):
        assert all(len(instance.get_runs(own_runs(name))) == 1 for name in (NORTH, SOUTH))
        later = datetime.now(UTC) + timedelta(days=4)
        context = dg.build_schedule_context(instance, scheduled_execution_time=later)
        poll = build_definitions(settings).resolve_schedule_def("poll")
        poll.evaluate_tick(context)
        assert instance.get_runs(own_runs(NORTH)) == []
        assert len(instance.get_runs(own_runs(SOUTH))) == 1
