"""Two data folders with one account name, and files of the target that are damaged."""

from __future__ import annotations

import shutil

import pytest
from deltalake import DeltaTable

from tests.support.published import objects, publish_toys, published_rows
from tests.support.toy_decoder import DAY, OTHER_MONTH, answer, day_rows
from warehouse.errors import TargetError
from warehouse.lake import Lake
from warehouse.publish import table_publication


@pytest.fixture
def other(tmp_path):
    """A folder of another account."""
    with Lake(tmp_path / "other") as lake:
        lake.archive.append([answer("C", DAY, day_rows(DAY))])
        yield lake


def accounts(target):
    rows = published_rows(target / "readings", "account, meter")
    return {(row["account"], row["meter"]) for row in rows}


def test_a_name_of_another_account_is_refused(two_months, other, target):
    publish_toys(two_months, target, owner="1")
    with pytest.raises(TargetError, match="rows of another account under the name north"):
        publish_toys(other, target, owner="2")
    assert accounts(target) == {("north", "A"), ("north", "B")}


def test_two_accounts_that_swap_names_lose_no_rows(two_months, other, target):
    publish_toys(two_months, target, account="north", owner="1")
    publish_toys(other, target, account="south", owner="2")
    with pytest.raises(TargetError, match="another account under the name south"):
        publish_toys(two_months, target, account="south", owner="1")
    publish_toys(two_months, target, account="free", owner="1")
    publish_toys(other, target, account="north", owner="2")
    publish_toys(two_months, target, account="south", owner="1")
    assert accounts(target) == {("south", "A"), ("south", "B"), ("north", "C")}
    for lake, name, owner in ((two_months, "south", "1"), (other, "north", "2")):
        done = publish_toys(lake, target, account=name, owner=owner)
        assert [each.commits for each in done.tables] == [0]


def test_two_copies_of_a_folder_at_once_publish_each_row_once(
    two_months, target, tmp_path, monkeypatch
):
    publish_toys(two_months, target, owner="1")
    two_months.archive.append([answer("A", OTHER_MONTH, day_rows(OTHER_MONTH))])
    two_months.archive.flush()
    shutil.copytree(two_months.folder, tmp_path / "copy")
    append, begun = table_publication.log.append, []

    def appended(*arguments):
        if not begun:
            begun.append(1)
            with Lake(tmp_path / "copy") as copy:
                publish_toys(copy, target, owner="1")
        append(*arguments)

    monkeypatch.setattr(table_publication.log, "append", appended)
    publish_toys(two_months, target, owner="1")
    assert len(published_rows(target / "readings")) == 12


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_check_writes_damaged_files_again(two_months, target, damage):
    publish_toys(two_months, target)
    (file,) = [path for path in objects(target) if "month=2025-06" in str(path)]
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100])
    assert [each.commits for each in publish_toys(two_months, target).tables] == [0]
    done = publish_toys(two_months, target, check=True)
    assert [(each.commits, each.files, each.removed_files) for each in done.tables] == [(1, 1, 1)]
    assert len(published_rows(target / "readings")) == 8
    done = publish_toys(two_months, target, check=True)
    assert [each.commits for each in done.tables] == [0]
    assert DeltaTable(target / "readings").version() == 1
