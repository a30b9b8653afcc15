"""The folder of an export for Home Assistant: what is replaced, and what is left."""

import hashlib
import os
import subprocess
import sys
from datetime import date

import pytest

from simulator import Simulator
from tests.support.home_assistant_command import export, ingested, refused
from tests.support.home_assistant_files import checked_files
from tests.support.mart_house import config
from warehouse.export.target import _unfinished as unfinished_export

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    day = date(2024, 6, 10)
    with Simulator(config()) as sim:
        yield ingested(sim, tmp_path_factory.mktemp("owner"), day, day)


@pytest.fixture
def to(tmp_path):
    return tmp_path / "statistics"


def test_only_an_earlier_export_is_replaced(owner, to):
    first, _ = export(owner, to)
    assert "--overwrite" in refused(owner, to)
    again, _ = export(owner, to, "--overwrite")
    assert again == first
    other = to.parent / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    assert "not an export" in refused(owner, other, "--overwrite")
    assert [path.name for path in other.iterdir()] == ["mine.txt"]
    digest = hashlib.sha256(b"mine").hexdigest()
    (other / "SHA256SUMS").write_text(f"{digest}  mine.txt\n")
    assert "not an export" in refused(owner, other, "--overwrite")
    assert (other / "mine.txt").read_text() == "mine"
    (to / "sub").mkdir()
    (to / "sub/mine.txt").write_text("mine")
    assert f"{to} holds sub/mine.txt, which" in refused(owner, to, "--overwrite")
    assert (to / "sub/mine.txt").read_text() == "mine"


def test_nothing_to_export_leaves_an_earlier_export(owner, to):
    first, _ = export(owner, to)
    error = refused(owner, to, "--overwrite", "--start", "2020-01-01", "--end", "2020-01-31")
    assert "no whole hour of the chosen days is known" in error
    assert checked_files(to) == first


def test_a_refused_export_leaves_no_folders(owner, tmp_path):
    refused(owner, tmp_path / "a/b/c", "--start", "2020-01-01", "--end", "2020-01-31")
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_place_of_the_hidden_folder_is_named(owner, to):
    hidden = to.with_name(".statistics.unfinished")
    hidden.write_text("mine")
    assert f"{hidden}, where the export would be written first" in refused(owner, to)
    hidden.unlink()
    other = to.parent / "other"
    other.mkdir()
    hidden.symlink_to(other)
    assert "is not a folder of yours" in refused(owner, to)
    assert list(other.iterdir()) == []
    assert not to.exists()


@pytest.mark.processes
def test_the_next_export_removes_what_a_killed_one_left(owner, tmp_path):
    target = tmp_path / "statistics"
    died = (
        "import os, sys; from pathlib import Path\n"
        "from warehouse.export.target import _unfinished\n"
        "with _unfinished(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'statistics.tsv').write_text('x'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", died, target], check=False).returncode == 9
    assert len(list(tmp_path.rglob("statistics.tsv"))) == 1
    with unfinished_export(target) as other:
        export(owner, target)
        assert other.is_dir()
        assert [path.name for path in tmp_path.rglob(".*")] == [other.parent.name]
        assert len(list(other.parent.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(owner, tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert str(tmp_path) in refused(owner, tmp_path / "statistics")
    finally:
        tmp_path.chmod(0o700)
