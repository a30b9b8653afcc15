"""Accounts by name: their files, folders and tokens, and none of another's."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli.command_list import MODULES, WITHOUT_DATA
from pipelines.recommended_commands import COMMANDS, with_account
from simulator import Simulator
from tests.support.owner import Owner
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

DAY = ("--start", "2026-06-10", "--end", "2026-06-10")


@pytest.fixture
def sim(simulate: Callable[..., Simulator]) -> Simulator:
    """Simulate two accounts of two inverters each."""
    return simulate(tokens=TOKENS, inverters=2)


@pytest.mark.end_to_end
def test_each_account_has_its_own_token_and_folder(two: TwoAccounts) -> None:
    # A token in the environment belongs to nobody here.
    two.settings["GIVENERGY_API_TOKEN"] = "unknown"
    for name in (NORTH, SOUTH):
        done = two.of(name, "backfill", *DAY)
        assert done.status == 0, done.output
    found = {}
    for name in (NORTH, SOUTH):
        shown = two.of(name, "query", "--format", "csv", "SELECT DISTINCT device_id FROM coverage")
        found[name] = {*shown.out.split()[1:]}
        assert (two.accounts / name / "archive").is_dir()
    assert len(found[NORTH]) == len(found[SOUTH]) == 2
    assert not found[NORTH] & found[SOUTH]
    # One Dagster instance for all, beside the files.
    assert (two.folder / "dagster" / "dagster.yaml").is_file()
    assert not (two.accounts / NORTH / "dagster").exists()
    assert "GIVLAKE_NAME" not in os.environ


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--account", "nort", "status"), "There is no account 'nort'. Did you mean north?"),
        (("--account", "west", "status"), "Those that exist are north, south."),
        (("--account", NORTH, "status", "--data", "x"), "exclude each other"),
        (("--account", NORTH, "status", "--account", SOUTH), "given twice"),
    ],
)
def test_an_account_that_cannot_be_used_is_named(
    two: TwoAccounts, arguments: tuple[str, ...], said: str
) -> None:
    done = two.givlake(*arguments)
    assert done.status == 2
    assert said in done.err


def test_a_name_and_its_file_agree(two: TwoAccounts) -> None:
    file = two.accounts / "north.env"
    file.write_text("GIVLAKE_NAME=other\n")
    assert "GIVLAKE_NAME is 'other'" in two.of(NORTH, "status").err
    (two.accounts / "a b.env").write_text("")
    assert "There is no account 'a-b'" in two.of("a-b", "status").err
    assert "a b: " in two.givlake("accounts", "list").out
    assert "cannot name an account" in two.givlake("accounts", "list").out


@pytest.mark.slow
@pytest.mark.parametrize("link", [False, True])
def test_two_accounts_with_one_data_folder_are_refused(two: TwoAccounts, link: bool) -> None:
    """Each would write its data, publish and be measured as the other."""
    first = two.accounts / "first.env"
    data = two.folder / "link" if link else two.accounts / SOUTH
    if link:
        (two.accounts / SOUTH).mkdir()
        data.symlink_to(two.accounts / SOUTH)
    first.write_text(f"GIVENERGY_API_TOKEN=first\nGIVLAKE_DATA={data}\n")
    for command in (("sync",), ("publish",), ("status",), ("metrics",), ("ui", "--port", "1")):
        done = two.of("first", *command)
        assert done.status == 2, command
        said = f"{str(data)!r}, which is the data folder of south: use another folder"
        assert said in done.err
        assert f"It is set in {first}." in done.err
    # The other has its usual folder, as before.
    assert "data folder of" not in two.of(SOUTH, "status").err
    together = two.givlake("metrics")
    assert together.status == 1
    assert 'givlake_account_readable{account="first"} 0.0' in together.out
    # Neither is told apart by what its file says.
    south = two.accounts / "south.env"
    south.write_text(f"{south.read_text()}GIVLAKE_DATA=south\n")
    for name in ("first", SOUTH):
        done = two.of(name, "status")
        assert done.status == 2
        assert str(first) in done.err
        assert str(south) in done.err


def test_without_accounts_it_says_how_to_make_one(
    own: Callable[..., Owner], simulate: Callable[..., Simulator]
) -> None:
    done = own(simulate()).givlake("--account", NORTH, "status")
    assert done.status == 2
    assert "Make a file accounts/north.env with GIVENERGY_API_TOKEN=…" in done.err


@pytest.mark.slow
@pytest.mark.end_to_end
def test_a_second_account_in_a_folder_is_refused(two: TwoAccounts, tmp_path: Path) -> None:
    """Its token would be refused the other's devices, and their days would count as forbidden."""
    assert two.of(NORTH, "backfill", *DAY).status == 0
    north = two.accounts / "north.env"
    files = _files(two.accounts / NORTH / "archive")
    right = north.read_text()
    north.write_text(right.replace("north-token", "south-token"))
    for command in (("sync",), ("backfill", *DAY), ("plan", *DAY)):
        done = two.of(NORTH, *command)
        assert done.status == 2, command
        assert "The token belongs to another account than the data in" in done.err
    assert {
        path for path in (two.accounts / NORTH / "archive").rglob("*") if path.is_file()
    } == files
    north.write_text(right)
    done = two.of(NORTH, "sync")
    assert done.status == 0, done.output
    forbidden = "SELECT count(*) AS days FROM coverage WHERE state = 'denied'"
    assert two.of(NORTH, "query", "--format", "csv", forbidden).out.split() == ["days", "0"]


@pytest.mark.parametrize("place", ["s3://bucket/lake", "gs://bucket", "file:///tmp/x"])
def test_a_data_folder_on_an_object_store_is_refused(
    own: Callable[..., Owner], simulate: Callable[..., Simulator], place: str
) -> None:
    """It would be a local folder named `s3:`."""
    owner = own(simulate())
    owner.settings["GIVLAKE_DATA"] = place
    for done in (owner.givlake("status"), owner.givlake("status", "--data", place)):
        assert done.status == 2
        assert f"{place.partition(':')[0]}:/" in done.err
        assert "which is no path" in done.err
        assert "givlake publish" in done.err
    assert not (owner.folder / place.partition("/")[0]).exists()


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_recommended_command_names_its_account(two: TwoAccounts, sim: Simulator) -> None:
    """Pasted without it, the command would be about the account of a `.env` beside `accounts`."""
    (two.folder / ".env").write_text("GIVENERGY_API_TOKEN=unknown\n")
    assert f"start with givlake --account {NORTH} backfill." in two.of(NORTH, "query", "FROM x").err
    assert "--data" not in two.of(NORTH, "query", "FROM x").err
    sim.fail("/data-points/2026-06-10", status=500)
    outputs = [two.of(NORTH, "backfill", *DAY).output]
    assert f"run `givlake --account {NORTH} status` for details" in outputs[0]
    for layout in ("table", "json", "csv"):
        outputs.append(two.of(NORTH, "status", "--format", layout).output)
    outputs += [two.of(NORTH, command).output for command in ("verify", "doctor", "plan")]
    outputs += [two.of(NORTH, "describe", "no-such").output, two.of(NORTH, "roles", "list").output]
    for output in outputs:
        recommended = re.findall(rf"givlake (?:{'|'.join(COMMANDS)})\b[^:\n]*", output)
        assert [text for text in recommended if not text.startswith("givlake describe")] == []
    assert f"Fix: givlake --account {NORTH} backfill " in outputs[1]
    assert f"givlake --account {NORTH} backfill --dataset" in outputs[3]


def test_every_command_with_a_data_folder_is_recommended_with_its_account() -> None:
    assert {*COMMANDS} == {*MODULES} - {*WITHOUT_DATA, "demo"}
    assert with_account("givlake sync", NORTH) == f"givlake --account {NORTH} sync"
    for text in ("givlake report: 2026", "what givlake stores", "givlake syncs", "givlake --help"):
        assert with_account(text, NORTH) == text
