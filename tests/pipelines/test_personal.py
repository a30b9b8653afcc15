"""Personal data: the key of the pseudonyms, and what the owner lets givlake keep."""

import stat
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.pseudonyms import pseudonym_key
from pipelines.settings_file import SettingsError
from tests.support.settings import settings_of

SHOW = (
    "import sys; from pathlib import Path; from pipelines.pseudonyms import pseudonym_key;"
    "sys.stdin.read(); print(pseudonym_key(Path(sys.argv[1])).hex())"
)


def keys_of(processes: Sequence["subprocess.Popen[bytes]"]) -> list[bytes]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    return [process.stdout.read().strip() for process in processes if process.stdout is not None]


@pytest.mark.slow
@pytest.mark.processes
def test_processes_that_start_at_once_end_with_one_key(tmp_path):
    state = tmp_path / "state"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SHOW, str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    keys = keys_of(processes)
    assert [process.wait() for process in processes] == [0] * 2
    assert len(keys[0]) == 64
    assert set(keys) == {pseudonym_key(state).hex().encode()}
    file = state / "pseudonym.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in state.iterdir()} == {"pseudonym.key", "pseudonym.lock"}


def test_threads_that_start_at_once_end_with_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(pseudonym_key, [tmp_path] * 64))) == 1


def test_what_a_killed_process_left_does_no_harm(tmp_path):
    (tmp_path / "pseudonym.new").write_bytes(b"half")
    key = pseudonym_key(tmp_path)
    assert len(key) == 32
    assert pseudonym_key(tmp_path) == key
    assert not (tmp_path / "pseudonym.new").exists()


def test_a_broken_key_is_never_replaced_in_silence(tmp_path):
    (tmp_path / "pseudonym.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="has 5 bytes instead of 32: restore it"):
        pseudonym_key(tmp_path)
    assert (tmp_path / "pseudonym.key").read_bytes() == b"short"


def test_a_key_that_cannot_be_read_or_written_is_reported_in_a_sentence(tmp_path):
    (tmp_path / "pseudonym.key").mkdir()
    with pytest.raises(
        SettingsError, match=r"cannot be read or created: Is a directory: make the file"
    ):
        pseudonym_key(tmp_path)
    with pytest.raises(
        SettingsError, match=r"cannot be read or created: No such file or directory"
    ):
        pseudonym_key(Path("/proc/givlake"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", set()),
        ("sites:data[].name", {"sites:data[].name"}),
        (
            " sites:data[].name , smart_devices:*,",
            {"sites:data[].name", "smart_devices:*"},
        ),
    ],
)
def test_what_the_owner_keeps_is_read_from_the_settings(text, kept):
    assert settings_of({"GIVLAKE_KEEP_PERSONAL": text}).keep_personal == kept


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("names", "GIVLAKE_KEEP_PERSONAL: 'names' names no endpoint with personal data"),
        ("sites:data[].nme", "use one of sites:data[].account"),
        ("smart_devices:data[].other_data.local_key", "which is never kept"),
    ],
)
def test_a_leaf_that_cannot_be_kept_is_reported_and_nothing_runs(simulate, own, text, says):
    sim = simulate()
    done = own(sim, GIVLAKE_KEEP_PERSONAL=text).givlake("status")
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.output
    assert sim.requests == []


@pytest.mark.slow
@pytest.mark.new_folder
def test_the_first_use_of_a_data_folder_makes_the_key(simulate, own):
    owner = own(simulate(inverters=1))
    done = owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-01")
    assert done.status == 0, done.output
    key = owner.data / "state" / "pseudonym.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
