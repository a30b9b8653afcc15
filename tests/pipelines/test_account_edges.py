"""Accounts by name where something is unusual: lost files, other users, older folders, shells."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.child_environment import demo_environment, own_environment, working_in
from pipelines.instance import use_dagster_home
from pipelines.named_accounts import account_environment
from pipelines.settings import load_settings
from simulator import Simulator
from tests.support.http_listener import listening
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts
from tests.support.unprivileged import NOBODY, as_root
from warehouse.storage.layout import state_file
from warehouse.storage.state_file import read_state

DAY = ("--start", "2026-06-10", "--end", "2026-06-10")


@pytest.fixture
def sim(simulate: Callable[..., Simulator]) -> Simulator:
    """Simulate two accounts of two inverters each."""
    return simulate(tokens=TOKENS, inverters=2)


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_second_account_is_refused_in_a_folder_of_an_earlier_version(two: TwoAccounts) -> None:
    """Such a folder has not noted whose it is; the first token after it must not decide that."""
    assert two.of(NORTH, "backfill", *DAY).status == 0
    state = state_file(two.accounts / NORTH)
    noted = read_state(state)
    del noted["account_identities"]
    state.write_text(json.dumps(noted))
    file = two.accounts / "north.env"
    right = file.read_text()
    file.write_text(right.replace("north-token", "south-token"))
    wrong = two.of(NORTH, "sync")
    assert wrong.status == 2
    assert "The token belongs to another account than the data in" in wrong.err
    file.write_text(right)
    assert two.of(NORTH, "sync").status == 0
    denied = "SELECT count(*) AS days FROM coverage WHERE state = 'forbidden'"
    assert two.of(NORTH, "query", "--format", "csv", denied).out.split() == ["days", "0"]


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_device_is_forgotten_in_the_state_of_dagster_that_accounts_share(
    two: TwoAccounts,
) -> None:
    for name in (NORTH, SOUTH):
        assert two.of(name, "backfill", *DAY).status == 0
    first, kept = (_devices(two, name)[0] for name in (NORTH, SOUTH))
    assert _files_with(two.folder / "dagster", first)
    done = two.of(NORTH, "forget", "--device", first, "--yes")
    assert done.status == 0, done.output
    assert _files_with(two.folder / "dagster", first) == []
    assert _files_with(two.folder / "dagster", kept)


def test_child_processes_share_the_state_of_dagster_too(two: TwoAccounts) -> None:
    """They read no settings file, by which it could be found."""
    with two.environment_set(), working_in(account_environment(NORTH)):
        settings = load_settings()
        with working_in(own_environment(settings)):
            assert use_dagster_home(load_settings()) == two.folder / "dagster"


@pytest.mark.slow
@pytest.mark.end_to_end
@as_root
def test_what_root_writes_for_an_account_belongs_to_its_user(two: TwoAccounts) -> None:
    for path in (two.folder, two.accounts, *two.accounts.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    assert two.of(NORTH, "backfill", *DAY).status == 0
    for folder in (two.accounts / NORTH, two.folder / "dagster"):
        roots = [p for p in (folder, *folder.rglob("*")) if p.lstat().st_uid != NOBODY]
        assert roots == []
    assert stat.S_IMODE((two.folder / "dagster").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("change", "name", "said"),
    [
        ("(lost.env is removed)", "lost", "its file {accounts}/lost.env is missing"),
        ("", "../north", "--account is '../north': use at most 32 letters"),
        ("", "", "--account is '': use at most 32 letters"),
        ("unreadable text", NORTH, "or use another account."),
    ],
)
def test_what_is_wrong_with_an_account_is_said_in_a_sentence(
    two: TwoAccounts, change: str, name: str, said: str
) -> None:
    if name == "lost":
        (two.accounts / name).mkdir()
        (two.accounts / name / "store.json").write_text("{}")
    if change == "unreadable text":
        (two.accounts / "north.env").write_bytes(b"GIVENERGY_API_TOKEN=\xff\xfe\n")
    done = two.of(name, "status")
    assert done.status == 2
    assert said.format(accounts=two.accounts) in done.err
    assert "GIVLAKE_ENV_FILE" not in done.err
    assert not (two.accounts / NORTH).exists()


def test_a_folder_of_accounts_that_is_none_is_named(two: TwoAccounts) -> None:
    two.settings["GIVLAKE_ACCOUNTS"] = str(two.accounts / "north.env")
    done = two.of(NORTH, "status")
    assert done.status == 2
    assert "which is no folder that you can read" in done.err


def test_the_demo_and_settings_of_the_folder_are_of_no_account(two: TwoAccounts) -> None:
    (two.folder / ".env").write_text("GIVENERGY_API_TOKEN=unknown\nGIVLAKE_TIMEZONE=Asia/Tokyo\n")
    two.settings["GIVLAKE_ENV_FILE"] = str(two.folder / ".env")
    with two.environment_set(), working_in(account_environment(NORTH)):
        settings = load_settings()
        data = str(two.folder / "demo")
        demo = {"GIVENERGY_API_TOKEN": "demo", "GIVLAKE_DATA": data}
        with working_in(demo_environment(demo)):
            of_demo, home = load_settings(), use_dagster_home(load_settings())
    assert (settings.token, settings.zone) == ("north-token", "Europe/London")
    assert (of_demo.token, of_demo.account_name) == ("demo", None)
    assert home == two.folder / "demo" / "dagster"


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_shell_completes_accounts_and_their_devices(two: TwoAccounts) -> None:
    assert two.of(NORTH, "backfill", *DAY).status == 0
    devices = _devices(two, NORTH)
    assert _completed(two, "--account", "") == [NORTH, SOUTH]
    assert _completed(two, "plan", "--account", "s") == [SOUTH]
    assert _completed(two, "--account", NORTH, "plan", "--device", "") == devices
    assert _completed(two, "plan", "--account", NORTH, "--device", "") == devices
    assert _completed(two, "plan", "--account", "nobody", "--device", "") == []


@pytest.mark.slow
@pytest.mark.end_to_end
def test_alerts_name_the_account_and_its_command(two: TwoAccounts, sim: Simulator) -> None:
    sim.fail("/data-points/2026-06-10", status=500)
    with listening() as heard:
        two.settings["GIVLAKE_ALERT_URLS"] = heard.url()
        for name in (NORTH, SOUTH):
            assert two.of(name, "backfill", *DAY).status == 1
        assert heard.titles == [f"[{name}] givlake: data missing" for name in (NORTH, SOUTH)]
        commands = [text.splitlines()[-1] for text in heard.texts]
        assert commands == [
            f"Run givlake --account {name} status for details" for name in (NORTH, SOUTH)
        ]
        sim.clear_failures()
        assert two.of(SOUTH, "backfill", *DAY).status == 0
        assert heard.titles[2:] == [f"[{SOUTH}] givlake: resolved"]


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_report_names_the_account(two: TwoAccounts) -> None:
    assert two.of(NORTH, "backfill", *DAY).status == 0
    file = two.folder / "report.html"
    done = two.of(NORTH, "report", "--month", "2026-06", "--to", file)
    assert done.status == 0, done.output
    assert " of north, " in done.out
    assert " of north, " in file.read_text().partition("</h1>")[0]


def _devices(two: TwoAccounts, name: str) -> list[str]:
    query = "SELECT DISTINCT device_id FROM coverage ORDER BY ALL"
    return two.of(name, "query", "--format", "csv", query).out.split()[1:]


def _files_with(folder: Path, text: str) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def _completed(two: TwoAccounts, *words: str) -> list[str]:
    """Return what Bash is offered for the last word."""
    asked = {
        "_GIVLAKE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["givlake", *words]),
        "COMP_CWORD": str(len(words)),
    }
    two.settings.update(asked)
    done = two.givlake()
    for name in asked:
        del two.settings[name]
    assert (done.status, done.err) == (0, "")
    return [line.removeprefix("plain,") for line in done.out.splitlines() if line]
