"""A folder of an older layout is brought to the present one, whatever interrupts that."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.toy_decoder import ToyDecoder
from warehouse.errors import StoreError, VersionError
from warehouse.lake import Lake, file_set_name
from warehouse.storage import layout
from warehouse.storage.atomic_files import Scratch
from warehouse.storage.layout import LAYOUT_VERSION, needs_upgrade, upgrade, upgrade_message
from warehouse.table_repair import repair_tables
from warehouse.tables.build import build, row_counts

MADE_AT = "2026-01-02T03:04:05+00:00"
RANGES = {"readings": {"A": [["2025-06-01", "2025-06-30"]]}}
STATE_1 = {
    "wished_ranges": RANGES,
    "alerts": {
        "days": {"readings": {"A": [["2025-06-01", "2025-06-02"]]}},
        "asked": {"sites": [""]},
        "troubles": {"token": "2025-06-02T00:00:00Z"},
    },
    "packed_at": MADE_AT,
    "account_zone": "Europe/London",
}
STATE_2 = {
    "requested_ranges": RANGES,
    "sent_alerts": {
        "days": STATE_1["alerts"]["days"],
        "snapshots": {"sites": [""]},
        "failures": {"token": "2025-06-02T00:00:00Z"},
    },
    "compacted_at": MADE_AT,
    "account_zone": "Europe/London",
}


@pytest.fixture
def old(folder: Path) -> Path:
    return made_by_layout_1(folder)


def made_by_layout_1(folder: Path) -> Path:
    """Make a folder as a givlake of layout 1 leaves it."""
    with Lake(folder):
        pass
    (folder / "store.json").write_text(json.dumps({"layout_version": 1, "made_at": MADE_AT}))
    (folder / "settings.json").write_text(json.dumps(STATE_1))
    (folder / "locks" / "settings").touch()
    return folder


def stored(folder: Path) -> dict[str, object]:
    """Return what is noted in a folder, and its version."""
    return {
        "state": json.loads((folder / "state.json").read_text()),
        "store": json.loads((folder / "store.json").read_text()),
        "old": [name for name in ("settings.json", "locks/settings") if (folder / name).exists()],
        "unaccounted": [path.name for path in (folder / "tmp").iterdir()],
    }


UPGRADED = {
    "state": STATE_2,
    "store": {"layout_version": LAYOUT_VERSION, "made_at": MADE_AT},
    "old": [],
    "unaccounted": [],
}


def test_opening_a_folder_upgrades_it_once(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert needs_upgrade(old)
    with Lake(old) as lake:
        assert lake.state.all() == STATE_2
    assert stored(old) == UPGRADED
    assert not needs_upgrade(old)
    assert caplog.messages == [
        f"The data folder is upgraded from layout 1 to {LAYOUT_VERSION}; its tables are rebuilt"
        " from the archive, without a request"
    ]
    with Lake(old):
        pass
    assert len(caplog.messages) == 1


def test_a_folder_whose_version_was_deleted_is_known_by_its_files(old: Path) -> None:
    (old / "store.json").unlink()
    with Lake(old) as lake:
        assert lake.state.all() == STATE_2
        assert not (old / "settings.json").exists()


def test_a_new_folder_has_the_present_layout(folder: Path) -> None:
    assert not needs_upgrade(folder)
    with Lake(folder):
        assert json.loads((folder / "store.json").read_text())["layout_version"] == LAYOUT_VERSION


def killed_at(step: int, folder: Path) -> bool:
    """Upgrade in a child that ends before or after its nth change; return whether it got there."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = step

    def armed(function: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: object, **options: object) -> object:
            pass_step()
            result = function(*arguments, **options)
            pass_step()
            return result

        return run

    def pass_step() -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    try:
        layout.write_atomically = armed(layout.write_atomically)  # type: ignore[attr-defined]
        Path.unlink = armed(Path.unlink)  # type: ignore[assignment,method-assign]
        upgrade(folder)
    finally:
        os._exit(0)


@pytest.mark.processes
def test_an_upgrade_that_is_killed_anywhere_is_completed_by_the_next(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    kills = 0
    while killed_at(kills, folder := made_by_layout_1(tmp_path_factory.mktemp("home") / "data")):
        assert json.loads((folder / "store.json").read_text())["layout_version"] in (
            1,
            LAYOUT_VERSION,
        )
        kills += 1
        for path in (folder / "tmp").iterdir():
            os.utime(path, (0, 0))
        with Lake(folder):
            pass
        assert stored(folder) == UPGRADED
    assert kills >= 8


def test_what_an_old_givlake_noted_after_an_interruption_is_not_lost(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(layout, "stamp", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            upgrade(old)
    (old / "settings.json").write_text(json.dumps({"packed_at": "later"}))
    with Lake(old) as lake:
        assert lake.state.all() == {**STATE_2, "compacted_at": "later"}


@pytest.mark.processes
def test_two_processes_at_once_upgrade_once(old: Path) -> None:
    code = "import sys; from warehouse.lake import Lake; Lake(sys.argv[1]).close()"
    both = [subprocess.Popen([sys.executable, "-c", code, str(old)]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert stored(old) == UPGRADED


def test_a_folder_that_an_old_givlake_is_using_is_refused(old: Path) -> None:
    at_work = Scratch(old / "tmp")
    with pytest.raises(StoreError, match="has layout 1 and an older givlake is using it"):
        Lake(old)
    assert json.loads((old / "settings.json").read_text()) == STATE_1
    at_work.close()
    Lake(old).close()
    assert stored(old) == UPGRADED


@pytest.mark.processes
def test_a_full_disk_is_reported_and_leaves_the_old_folder_as_it_is(old: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from warehouse.errors import StoreError\n"
        "from warehouse.lake import Lake\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try:\n"
        "    Lake(sys.argv[1])\n"
        "except StoreError as error:\n"
        "    sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(old)], capture_output=True, text=True)
    assert "largest allowed file size is reached" in done.stderr
    assert json.loads((old / "settings.json").read_text()) == STATE_1
    Lake(old).close()
    assert stored(old) == UPGRADED


def test_damaged_files_are_named_and_nothing_is_changed(old: Path) -> None:
    (old / "settings.json").write_text("{")
    with pytest.raises(StoreError, match=r"settings\.json is not valid JSON"):
        Lake(old)
    assert needs_upgrade(old)
    (old / "store.json").write_text('{"layout_version": 99}')
    with pytest.raises(VersionError, match="update givlake"):
        needs_upgrade(old)


def test_commands_that_only_read_can_say_what_upgrades(old: Path) -> None:
    assert upgrade_message(old) == (
        f"the data folder {old} has layout 1 and this givlake reads layout {LAYOUT_VERSION}: run"
        " `givlake build`, which rebuilds the tables from the archive without a request"
    )


def test_tables_of_an_older_layout_are_rebuilt_once(lake: Lake) -> None:
    build(lake, ToyDecoder())
    file_set = lake.file_set(file_set_name(ToyDecoder().dataset))
    with file_set.lock():
        manifest = file_set.manifest()
        assert manifest is not None
        assert manifest.facts.pop("layout") == LAYOUT_VERSION
        file_set.begin().commit(manifest)
    before = row_counts(lake, ToyDecoder())
    repair_tables(lake, [ToyDecoder()])
    manifest = file_set.manifest()
    assert manifest is not None
    assert manifest.facts["layout"] == LAYOUT_VERSION
    assert row_counts(lake, ToyDecoder()) == before
