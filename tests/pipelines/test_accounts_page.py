"""`givlake ui` with two accounts: a code location each, and nothing of one in the other."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator import Simulator
from tests.support.browser import watched_page
from tests.support.dagster_page import page
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


def _check_processes(processes: list) -> None:
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
    assert {*servers} == {(NORTH, f"{NORTH}-token"), (SOUTH, f"{SOUTH}-token")}
