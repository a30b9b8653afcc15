"""`givlake ui` with two accounts: a code location each, and nothing of one in the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from pipelines.child_environment import working_in
from pipelines.instance import open_instance
from pipelines.named_accounts import account_environment
from pipelines.settings import load_settings
from simulator import Simulator
from tests.support.browser import watched_page
from tests.support.dagster_page import page
from tests.support.ports import free_port
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DAYS = {NORTH: "2025-06-10", SOUTH: "2025-06-11"}
_WORKSPACE = """{ workspaceOrError { ... on Workspace { locationEntries {
    name locationOrLoadError { __typename } } } } }"""
_ASSETS = "{ assetNodes { assetKey { path } repository { location { name } } } }"
_RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run {
    repositoryOrigin { repositoryLocationName } tags { key value } } } }"""
_CODE_SERVER, _WEB_SERVER, _DAEMON = "code-server start", "dagster_webserver", "dagster._daemon"

pytestmark = [
    pytest.mark.usefixtures("machine_clock"),
    pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc"),
    pytest.mark.processes,
    pytest.mark.slow,
]


def test_two_accounts_in_one_page_do_not_mix(
    simulate: Callable[..., Simulator], tmp_path: Path, browser: "Browser"
) -> None:
    two = TwoAccounts(tmp_path, simulate(tokens=TOKENS, inverters=1))
    for name, day in DAYS.items():
        command = ("--account", name, "backfill", "--start", day, "--end", day)
        done = two.process(*command)
        assert done.status == 0, done.output
    # A third one whose settings are wrong is left out.
    (two.accounts / "west.env").write_text("GIVENERGY_API_TOKEN=x\nGIVLAKE_POLL_MINUTES=0\n")
    with page(two.folder, two.environment) as dagster:
        found = dagster.graphql(_WORKSPACE)["workspaceOrError"]["locationEntries"]
        loaded = {each["name"]: each["locationOrLoadError"]["__typename"] for each in found}
        assert loaded == dict.fromkeys(DAYS, "RepositoryLocation")
        for node in dagster.graphql(_ASSETS)["assetNodes"]:
            assert node["assetKey"]["path"][0] == node["repository"]["location"]["name"]
        run_id = dagster.launch("compact_archive", location=NORTH)
        assert dagster.status_of(run_id) == "SUCCESS"
        run = dagster.graphql(_RUN, id=run_id)["runOrError"]
        assert run["repositoryOrigin"]["repositoryLocationName"] == NORTH
        assert {"key": "account", "value": NORTH} in run["tags"]
        _check_processes(dagster.look())
        address = f"http://127.0.0.1:{dagster.port}"
        with watched_page(browser, address) as watched:
            for place, text in {
                "deployment/locations": NORTH,
                f"assets/{NORTH}/inverter_data_points?view=partitions": "Materialized (1)",
                f"assets/{SOUTH}/inverter_data_points?view=partitions": "Materialized (1)",
                "runs": f"account: {SOUTH}",
            }.items():
                watched.page.goto(f"{address}/{place}")
                watched.page.get_by_text(text).first.wait_for()
                watched.page.screenshot(path=tmp_path / f"{place.replace('/', '-')[:30]}.png")
    printed = (two.folder / "err").read_text()
    assert "The account west is left out: GIVLAKE_POLL_MINUTES is '0'" in printed
    assert "multiple code locations" not in printed


def _check_processes(processes: list, names: Sequence[str] = (NORTH, SOUTH)) -> None:
    """Check that each code server has its own account's token, and no other process has any."""
    tokens = [grant.token for grant in TOKENS]
    servers = []
    for each in processes:
        assert not any(token in each.command for token in tokens)
        has = each.environment.get("GIVENERGY_API_TOKEN")
        if _CODE_SERVER in each.command:
            servers.append((each.environment["GIVLAKE_NAME"], has))
        elif _WEB_SERVER in each.command or _DAEMON in each.command:
            assert has is None
    assert {*servers} == {(name, f"{name}-token") for name in names}


def test_one_account_in_a_page_leaves_the_schedules_of_others(
    simulate: Callable[..., Simulator], tmp_path: Path
) -> None:
    """Dagster's daemon removed the state of the schedules of a location that it did not know."""
    two = TwoAccounts(tmp_path, simulate(tokens=TOKENS, inverters=1))
    with page(two.folder, two.environment) as dagster:
        dagster.until(lambda: {*_schedules(two)} == {NORTH, SOUTH})
        second = two.of(NORTH, "ui", "--port", free_port())
        assert second.status == 2
        assert f"already runs on Dagster's state in {two.folder / 'dagster'}" in second.err
    before = _schedules(two)[SOUTH]
    started = _iterated_at(two)
    with page(two.folder, two.environment, "--account", NORTH) as dagster:
        dagster.until(lambda: _iterated_at(two) > started + 60)
        found = dagster.graphql(_WORKSPACE)["workspaceOrError"]["locationEntries"]
        assert [each["name"] for each in found] == [NORTH]
        _check_processes(dagster.look(), [NORTH])
    assert _schedules(two)[SOUTH] == before
    printed = (two.folder / "err").read_text() + "\n".join(dagster.output_lines)
    assert "Removing state" not in printed
    assert "Traceback" not in printed
    assert "Error loading" not in printed


@contextmanager
def _instance(two: TwoAccounts) -> Iterator[dg.DagsterInstance]:
    with two.environment_set(), working_in(account_environment(NORTH)):  # noqa: SIM117
        with open_instance(load_settings()) as instance:
            yield instance


def _schedules(two: TwoAccounts) -> dict[str, set[str]]:
    """Return the schedules and sensors whose state Dagster has, by location."""
    found: dict[str, set[str]] = {}
    with _instance(two) as instance:
        for state in instance.all_instigator_state():
            origin = state.origin.repository_origin.code_location_origin
            found.setdefault(origin.location_name, set()).add(state.instigator_name)
    return found


def _iterated_at(two: TwoAccounts) -> float:
    """Return when the daemon last looked at the schedules."""
    with _instance(two) as instance:
        return instance.get_daemon_heartbeats()["SCHEDULER"].timestamp
