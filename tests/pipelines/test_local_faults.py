"""Faults of this machine: one sentence with the file, its owner and the command that mends it."""

import json
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from pipelines.cli.error_report import redacted
from tests.support.settings import settings_of
from tests.support.unprivileged import NOBODY, as_root, run_apart
from warehouse.storage.ownership import give_to_owner, make_folder, permission_problem

RANGE = ("--start", "2025-06-01", "--end", "2025-06-02")


def test_an_unexpected_error_is_a_sentence_and_a_report_without_personal_values(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    assert owner.givlake("backfill", *RANGE).status == 0
    owner.set_state(account_zone_sent={"at": 5})
    done = owner.givlake("status")
    assert (done.status, "Traceback" in done.output) == (1, False), done
    assert done.err.startswith("givlake: An unexpected error ended the command (")
    (report,) = (owner.data / "reports").iterdir()
    assert f"the details are in {report}" in done.err
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "Traceback (most recent call last)" in text
    assert sim.token not in text + done.err
    assert sim.serials[0] not in text + done.err


def test_a_report_goes_to_the_temporary_folder_where_there_is_no_data_folder(
    simulate, own, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("pipelines.cli.doctor_command._run_checks", lambda: 1 / 0)
    owner = own(simulate(inverters=1), GIVLAKE_DATA=str(tmp_path / "none"))
    done = owner.givlake("doctor")
    assert done.status == 1
    (report,) = tmp_path.glob("givlake-error-*.txt")
    assert "ZeroDivisionError" in report.read_text()
    assert f"the details are in {report}" in done.err


def test_reports_contain_no_token_address_device_or_person(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"known_devices": ["odd device", "", None]}))
    settings = settings_of(
        {
            "GIVLAKE_DATA": str(tmp_path),
            "GIVENERGY_API_TOKEN": "open-sesame",
            "GIVLAKE_ALERT_URLS": "json://user:word@host/secret-path",
        }
    )
    text = (
        "open-sesame json://user:word@host/secret-path odd device XY1234Z567 kept"
        " 0b0f0c5e-0d4f-4d4a-9c2b-5b1f2f3e4d5c someone@example.org 51.50735, -0.12776"
    )
    assert redacted(text, settings) == (
        "*** *** <device> <redacted> kept <redacted> <redacted> <redacted>"
    )


def test_a_port_in_use_is_named_before_dagster_starts(simulate, own):
    owner = own(simulate(inverters=1))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = owner.givlake("ui", "--port", port)
    assert (done.status, done.out) == (2, "")
    assert f"Nothing can listen at 127.0.0.1, port {port} (Address already in use)" in done.err
    assert "--port" in done.err
    for options, words in (
        (("--host", "192.0.2.1"), "use an address of this machine"),
        (("--port", "70000"), "1<=x<=65535"),
    ):
        done = owner.givlake("ui", *options)
        assert (done.status, done.out) == (2, "")
        assert words in done.err


@pytest.mark.slow
def test_a_missing_bundle_is_named_by_every_command_that_requests(simulate, own, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    owner = own(simulate(inverters=1), GIVENERGY_API_URL="https://127.0.0.1:1/v1")
    for command in ("plan", "backfill", "sync", "doctor"):
        done = owner.givlake(command)
        assert done.status == 2, command
        assert "REQUESTS_CA_BUNDLE is '/nowhere.pem', which does not exist." in done.output


@pytest.mark.slow
@as_root
def test_what_root_writes_into_a_users_folder_belongs_to_the_user(simulate, own):
    owner = own(simulate(inverters=1))
    for path in (owner.data, *owner.data.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    assert owner.givlake("backfill", *RANGE).status == 0
    roots = [path for path in owner.data.rglob("*") if path.lstat().st_uid != NOBODY]
    assert roots == []


@as_root
def test_links_and_files_of_other_names_are_not_given_away(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "second name").hardlink_to(outside)
    (folder / "mine").write_text("")
    os.chown(folder, NOBODY, NOBODY)
    give_to_owner(folder)
    assert outside.stat().st_uid == 0
    assert (folder / "mine").stat().st_uid == NOBODY
    os.chown(tmp_path, NOBODY, NOBODY)
    make_folder(tmp_path / "new" / "data")
    assert {(tmp_path / name).stat().st_uid for name in ("new", "new/data")} == {NOBODY}


@pytest.mark.processes
@as_root
def test_a_file_of_another_user_is_named_with_owner_and_command():
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place, "data")
        folder.mkdir(mode=0o755)
        (folder / "store.json").write_text("{}")
        (folder / "state.json").write_text("{}")
        (folder / "state.json").chmod(0o600)
        closed = Path(place, "closed")
        closed.mkdir(mode=0o700)
        said = run_apart(
            "import pathlib\n"
            "from warehouse.storage.ownership import permission_problem\n"
            "become_nobody()\n"
            f"print(permission_problem(pathlib.Path({str(folder / 'state.json')!r})))\n"
            f"print(permission_problem(pathlib.Path({str(closed / 'data')!r})))\n"
        )
    first, second = said.splitlines()
    assert first.startswith(f"{folder}/state.json belongs to root (mode 0600) and this is ")
    assert first.endswith(f" {folder}`")
    assert "sudo chown -R" in first
    assert second.startswith(f"{closed} belongs to root")
    assert second.endswith("use another folder, or ask root for permission")


def test_an_own_folder_that_is_read_only_is_mended_by_chmod(tmp_path):
    (tmp_path / "store.json").write_text("{}")
    said = permission_problem(tmp_path / "locks" / "state")
    assert said.endswith(f"run `chmod -R u+rwX {tmp_path}`")


@pytest.mark.processes
@as_root
def test_a_file_that_cannot_be_opened_is_not_taken_for_damaged():
    """It would be replaced by a file without its rows."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "data")
        said = run_apart(
            "import pathlib\n"
            f"folder = pathlib.Path({str(folder)!r})\n"
            "folder.parent.chmod(0o777)\nbecome_nobody()\n"
            "with Lake(folder) as lake:\n"
            "    lake.archive.append([answer('A', day, day_rows(day))])\n"
            "    lake.archive.flush()\n"
            "(segment,) = (folder / 'archive' / 'segments').glob('*.parquet')\n"
            "segment.chmod(0)\n"
            "with Lake(folder) as lake:\n"
            "    try:\n        build(lake, ToyDecoder())\n"
            "    except (OSError, StoreError) as error:\n        print(error)\n"
            "segment.chmod(0o600)\n"
            "with Lake(folder) as lake:\n"
            "    print(build(lake, ToyDecoder()).rows('rows_in'))\n"
            "print(list((folder / 'archive' / 'damaged').iterdir()))\n"
        )
    refusal, rows, damaged = said.splitlines()
    assert "ermission" in refusal
    assert (int(rows) > 0, damaged) == (True, "[]")
