"""Publishing to a local folder: exactly what the data folder has, in one commit a table."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from tests.support.published import (
    commits,
    objects,
    publish_toys,
    published_rows,
)
from tests.support.toy_decoder import DAY, OTHER_MONTH, SCHEMA, ToyDecoder, answer, day_rows, spec
from tests.support.unprivileged import as_root, run_apart
from warehouse.errors import PublishError, StoreError, TargetError
from warehouse.lake import Lake
from warehouse.publish import table_publication
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.lake_tables import table_parts
from warehouse.publish.part_file import write_part
from warehouse.publish.published_part import PartChangedError
from warehouse.publish.published_types import published_rows as converted
from warehouse.publish.published_types import published_schema
from warehouse.storage.file_locks import FileLock
from warehouse.tables.build import build, rebuild


def test_all_rows_are_published_once(two_months, target):
    done = publish_toys(two_months, target)
    assert [(each.commits, each.files, each.rows) for each in done.tables] == [(1, 2, 8)]
    rows = published_rows(target / "readings", "meter, time, power_w, account, month")
    assert len(rows) == 8
    assert {(row["account"], row["month"], row["meter"]) for row in rows} == {
        ("north", "2025-06", "A"),
        ("north", "2025-07", "B"),
    }
    assert sum(row["power_w"] for row in rows) == 4 * 100 + 6 + 4 * 7 + 6


def test_nothing_new_makes_no_commit_and_writes_no_file(two_months, target):
    publish_toys(two_months, target)
    before = objects(target)
    done = publish_toys(two_months, target)
    assert sum(each.commits for each in done.tables) == 0
    assert objects(target) == before


def test_only_the_part_that_changed_is_written(two_months, target):
    publish_toys(two_months, target)
    day = OTHER_MONTH + timedelta(days=1)
    two_months.archive.append([answer("B", day, day_rows(day))])
    done = publish_toys(two_months, target)
    assert [(each.commits, each.files, each.removed_files) for each in done.tables] == [(1, 1, 1)]
    assert len(published_rows(target / "readings")) == 12
    assert commits(target / "readings") == 2


def test_descriptions_are_in_the_schema(two_months, target):
    publish_toys(two_months, target)
    table = DeltaTable(target / "readings")
    fields = {each.name: each.metadata for each in table.schema().fields}
    assert fields["meter"] == {"comment": "Serial number of the meter"}
    assert fields["time"] == {"comment": "Time: Of the reading"}
    assert table.metadata().description == spec().description


def test_statistics_are_of_the_key_and_enclose_the_values(lake, target):
    rows = [{"t": f"2025-06-01T00:00:00.00{at}001+00:00", "p": 1.0} for at in (1, 3)]
    lake.archive.append([answer("A", DAY, rows)])
    publish_toys(lake, target)
    (log,) = (target / "readings" / "_delta_log").glob("*.json")
    (added,) = [json.loads(line)["add"] for line in log.read_text().splitlines() if '"add"' in line]
    assert json.loads(added["stats"]) == {
        "numRecords": 2,
        "minValues": {"meter": "A", "time": "2025-06-01T00:00:00.001Z"},
        "maxValues": {"meter": "A", "time": "2025-06-01T00:00:00.004Z"},
        "nullCount": {"meter": 0, "time": 0},
    }
    moment = datetime(2025, 6, 1, 0, 0, 0, 3001, tzinfo=UTC)
    rows = DeltaTable(str(target / "readings")).to_pyarrow_dataset()
    assert rows.to_table(filter=ds.field("time") == moment).num_rows == 1


def test_a_deleted_target_or_another_one_gets_everything(two_months, target):
    publish_toys(two_months, target)
    shutil.rmtree(target)
    for place in (target, target.with_name("other")):
        assert sum(each.rows for each in publish_toys(two_months, place).tables) == 8
        assert len(published_rows(place / "readings")) == 8


def test_a_lost_note_changes_nothing(two_months, target):
    publish_toys(two_months, target)
    two_months.state.set("published_to", None)
    done = publish_toys(two_months, target)
    assert sum(each.commits for each in done.tables) == 0


def test_two_accounts_share_the_tables(two_months, target, tmp_path):
    publish_toys(two_months, target)
    with Lake(tmp_path / "south") as south:
        south.archive.append([answer("C", DAY, day_rows(DAY))])
        publish_toys(south, target, account="south")
    assert [
        (row["account"], row["n"])
        for row in published_rows(target / ["readings", "GROUP", "BY", "account"][0], "account")
        for row in [{**row, "n": 1}]
    ].count(("south", 1)) == 4
    assert sum(each.commits for each in publish_toys(two_months, target).tables) == 0
    assert len(published_rows(target / "readings")) == 12


def test_a_renamed_account_leaves_no_rows_of_its_old_name(two_months, target):
    publish_toys(two_months, target)
    publish_toys(two_months, target, account="up-north")
    assert {row["account"] for row in published_rows(target / "readings")} == {"up-north"}
    assert len(published_rows(target / "readings")) == 8
    assert two_months.state.get("published_to") == {str(target): {"accounts": ["up-north"]}}


def test_another_publisher_in_between_is_no_conflict(two_months, target, tmp_path, monkeypatch):
    """The other account commits between this one's plan and its commit, also the first time."""
    with Lake(tmp_path / "south") as south:
        south.archive.append([answer("C", DAY, day_rows(DAY))])
        south.archive.flush()
        build(south, ToyDecoder())
        writes = []

        def write(*arguments):
            if not writes:
                writes.append(1)
                publish_toys(south, target, account="south")
            return write_part(*arguments)

        monkeypatch.setattr(table_publication, "write_part", write)
        publish_toys(two_months, target)
        assert len(published_rows(target / "readings")) == 12
        writes.clear()
        for lake, device, day in ((south, "C", OTHER_MONTH), (two_months, "A", OTHER_MONTH)):
            lake.archive.append([answer(device, day, day_rows(day))])
        publish_toys(two_months, target)
    assert len(published_rows(target / "readings")) == 20


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(two_months, target, monkeypatch):
    """What is published is one state of the table, the newest."""
    changes = iter([OTHER_MONTH + timedelta(days=1), OTHER_MONTH + timedelta(days=2)])

    def write(*arguments):
        if (day := next(changes, None)) is not None:
            two_months.archive.append([answer("B", day, day_rows(day))])
            two_months.archive.flush()
            build(two_months, ToyDecoder())
        return write_part(*arguments)

    monkeypatch.setattr(table_publication, "write_part", write)
    monkeypatch.setattr(table_publication, "_UPLOADS", 1)
    done = publish_toys(two_months, target)
    assert [each.commits for each in done.tables] == [1]
    assert len(published_rows(target / "readings")) == 16


def test_a_part_says_that_its_file_was_replaced(two_months):
    two_months.archive.flush()
    build(two_months, ToyDecoder())
    before = table_parts(two_months, "readings", spec())
    assert before is not None
    two_months.archive.append([answer("A", DAY, day_rows(DAY, power=5))])
    two_months.archive.flush()
    build(two_months, ToyDecoder())
    with pytest.raises(PartChangedError):
        before[0].read()
    assert before[1].read().num_rows == 4


def test_a_second_publication_of_the_folder_says_so(two_months, target):
    with (
        FileLock(two_months.folder / "locks" / "publish"),
        pytest.raises(PublishError, match="another process publishes"),
    ):
        publish_toys(two_months, target)
    assert not target.exists()


def test_a_table_that_was_never_built_stays_as_it_is_in_the_target(two_months, target, tmp_path):
    publish_toys(two_months, target)
    with Lake(tmp_path / "new") as empty:
        done = publish_toys_unbuilt(empty, target)
    assert done.tables == []
    assert len(published_rows(target / "readings")) == 8


def publish_toys_unbuilt(lake, target):
    from tests.support.published import PublicationOptions, Publishable, publish_folder

    place = DeltaTarget(str(target), {})
    return publish_folder(lake, place, "north", Publishable([ToyDecoder()]), PublicationOptions())


def test_months_that_the_folder_lacks_are_removed_only_when_told(two_months, target, tmp_path):
    """As on a new machine, where the history is not fetched again yet."""
    publish_toys(two_months, target)
    with Lake(tmp_path / "new") as new:
        new.archive.append([answer("B", OTHER_MONTH, day_rows(OTHER_MONTH))])
        (error,) = publish_toys(new, target).errors
        assert "rows of 2025-06" in error
        assert "--prune" in error
        assert len(published_rows(target / "readings")) == 8
        publish_toys(new, target, prune=True)
    assert {row["month"] for row in published_rows(target / "readings")} == {"2025-07"}


def test_a_table_without_months_is_emptied_only_when_told(two_months, target, tmp_path):
    decoders = [ToyDecoder(tables=(spec(time_column=None),))]
    publish_toys(two_months, target, decoders=decoders)
    with Lake(tmp_path / "new") as new:
        new.archive.append([answer("B", OTHER_MONTH, [])])
        (error,) = publish_toys(new, target, decoders=decoders).errors
        assert error.startswith(f"readings has rows in {target} that the data folder has not")
        assert len(published_rows(target / "readings")) == 8
        assert publish_toys(new, target, decoders=decoders, prune=True).errors == []
    assert published_rows(target / "readings") == []


def test_a_dry_run_counts_and_writes_nothing(two_months, target):
    done = publish_toys(two_months, target, dry_run=True)
    assert [(each.commits, each.files, each.rows) for each in done.tables] == [(0, 2, 8)]
    assert not target.exists()
    assert two_months.state.get("published_to") is None


def test_a_foreign_file_of_the_account_is_replaced(two_months, target):
    """As after an engine's OPTIMIZE: no row is there twice."""
    publish_toys(two_months, target)
    day = DAY + timedelta(days=1)
    two_months.archive.append([answer("A", day, day_rows(day))])
    publish_toys(two_months, target)
    DeltaTable(target / "readings").delete("meter = 'A' AND power_w > 101")
    publish_toys(two_months, target)
    assert len(published_rows(target / "readings")) == 12


# Schemas


def grown(lake):
    schema = SCHEMA.append(pa.field("phase", pa.string(), metadata={"description": "New"}))
    return ToyDecoderWith(version=2, tables=(spec(2, schema),))


class ToyDecoderWith(ToyDecoder):
    """Decodes into a schema with another column."""

    def decode(self, responses):
        decoded = super().decode(responses)
        (name,) = decoded.tables
        rows = decoded.tables[name]
        at = rows.schema.get_field_index("phase")
        phases = pa.array(["L1"] * rows.num_rows, self.tables[0].schema.field("phase").type)
        decoded.tables[name] = rows.set_column(at, self.tables[0].schema.field("phase"), phases)
        return decoded


def test_a_new_column_is_added_and_other_accounts_keep_their_rows(two_months, target, tmp_path):
    publish_toys(two_months, target)
    with Lake(tmp_path / "south") as south:
        south.archive.append([answer("C", DAY, day_rows(DAY))])
        publish_toys(south, target, account="south", decoders=[grown(south)])
    rows = published_rows(target / "readings", "account, phase")
    assert [(row["account"], row["phase"]) for row in rows] == [("north", None)] * 8 + [
        ("south", "L1")
    ] * 4
    # The older givlake publishes again: it leaves the column, which its rows have not.
    two_months.archive.append([answer("A", OTHER_MONTH, day_rows(OTHER_MONTH))])
    publish_toys(two_months, target)
    rows = published_rows(target / "readings", "account, phase")
    assert [row["phase"] for row in rows] == [None] * 12 + ["L1"] * 4
    field = next(
        each for each in DeltaTable(target / "readings").schema().fields if each.name == "phase"
    )
    assert field.metadata == {"comment": "New"}


def test_a_new_version_replaces_the_rows_of_the_old_one(two_months, target):
    publish_toys(two_months, target)
    decoder = grown(two_months)
    rebuild(two_months, decoder)
    publish_toys(two_months, target, decoders=[decoder])
    assert [row["phase"] for row in published_rows(target / "readings", "phase")] == ["L1"] * 8


def test_a_column_of_another_type_is_refused_and_nothing_is_lost(two_months, target):
    publish_toys(two_months, target)
    at = SCHEMA.get_field_index("status")
    decoder = ToyDecoder(
        version=2, tables=(spec(2, SCHEMA.set(at, pa.field("status", pa.binary()))),)
    )
    rebuild(two_months, decoder)
    (error,) = publish_toys(two_months, target, decoders=[decoder]).errors
    assert f"readings.status is string in {target} and binary here" in error
    assert len(published_rows(target / "readings")) == 8


# Types


TYPES = {
    "time": (pa.time64("us"), time(12, 30), pa.string(), "12:30:00"),
    "fine_time": (pa.time64("us"), time(1, 2, 3, 4), pa.string(), "01:02:03.000004"),
    "local": (pa.timestamp("us"), datetime(2025, 6, 1, 12), pa.string(), "2025-06-01 12:00:00"),
    "fine_local": (
        pa.timestamp("us"),
        datetime(2025, 6, 1, 12, microsecond=5),
        pa.string(),
        "2025-06-01 12:00:00.000005",
    ),
    "zoned": (
        pa.timestamp("ms", "Europe/London"),
        datetime(2025, 6, 1, 12, tzinfo=UTC),
        pa.timestamp("us", "UTC"),
        datetime(2025, 6, 1, 12, tzinfo=UTC),
    ),
    "uint8": (pa.uint8(), 255, pa.int16(), 255),
    "uint64": (pa.uint64(), 2**64 - 1, pa.decimal128(20, 0), Decimal(2**64 - 1)),
    "duration": (pa.duration("s"), timedelta(seconds=2), pa.int64(), 2_000_000),
    "nested": (
        pa.list_(pa.struct([("n", pa.uint16())])),
        [{"n": 65535}, None],
        pa.list_(pa.struct([("n", pa.int32())])),
        [{"n": 65535}, None],
    ),
    "bytes": (pa.binary(2), b"ab", pa.binary(), b"ab"),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), "x", pa.string(), "x"),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_types_without_a_counterpart_in_delta_are_converted_without_loss(name):
    kind, value, published_kind, published_value = TYPES[name]
    schema = pa.schema([pa.field(name, kind)])
    wanted = published_schema(schema)
    assert wanted.field(name).type == published_kind
    rows = converted(pa.table({name: pa.array([value, None], kind)}, schema=schema), wanted)
    assert rows[name].to_pylist() == [published_value, None]


def test_a_time_finer_than_a_microsecond_is_refused():
    schema = pa.schema([pa.field("t", pa.timestamp("ns", "UTC"))])
    rows = pa.table({"t": pa.array([1], pa.timestamp("ns", "UTC"))}, schema=schema)
    with pytest.raises(StoreError, match="without loss"):
        converted(rows, published_schema(schema))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("part-0-40301.parquet: broken", "part-0-40301.parquet: broken"),
        ("403 Forbidden", "the store refuses the credentials, or there are none"),
        ("Json error: cut 0: <unknown> 1: start_thread at x.c", "Json error: cut"),
    ],
)
def test_errors_of_the_store_have_a_reason_without_calls(target, text, reason):
    with (
        pytest.raises(TargetError, match=f"failed: {reason}; once"),
        DeltaTarget(str(target), {}).explained("Publishing"),
    ):
        raise OSError(text)


# Old files


def test_old_files_go_after_the_retention(two_months, target, machine_clock):
    publish_toys(two_months, target)
    first = {path.name for path in objects(target) if path.suffix == ".parquet"}
    two_months.archive.append([answer("A", DAY, day_rows(DAY, power=1))])
    done = publish_toys(two_months, target)
    assert done.removed_objects == 0
    assert first < {path.name for path in objects(target)}
    two_months.archive.append([answer("A", DAY, day_rows(DAY, power=2))])
    done = publish_toys(two_months, target, retention_h=0)
    assert done.removed_objects == 2
    assert len([path for path in objects(target) if path.suffix == ".parquet"]) == 2
    assert len(published_rows(target / "readings")) == 8


def test_removal_of_old_files_spares_a_publication_under_way(
    two_months, target, tmp_path, machine_clock, monkeypatch
):
    """Neither of another account, nor files of the own one that are younger than a day."""
    publish_toys(two_months, target)
    two_months.archive.append([answer("A", DAY, day_rows(DAY, power=1))])
    with Lake(tmp_path / "south") as south:
        uploaded = []

        def write(*arguments):
            action = write_part(*arguments)
            uploaded.append(action)
            if len(uploaded) == 1:
                south.archive.append([answer("C", DAY, day_rows(DAY))])
                publish_toys(south, target, account="south", retention_h=0)
            return action

        monkeypatch.setattr(table_publication, "write_part", write)
        publish_toys(two_months, target, retention_h=0)
    assert len(published_rows(target / "readings")) == 12


def test_files_of_a_killed_publication_go_after_a_day(two_months, target, machine_clock):
    publish_toys(two_months, target)
    (held,) = [path for path in objects(target) if "month=2025-06" in str(path)]
    young, old = (held.with_name(f"part-0-of-1-{digit * 16}-00000000.parquet") for digit in "ab")
    for path in (young, old):
        shutil.copy(held, path)
    a_day_ago = held.stat().st_mtime - 25 * 3600
    os.utime(old, (a_day_ago, a_day_ago))
    two_months.archive.append([answer("A", DAY, day_rows(DAY, power=1))])
    publish_toys(two_months, target, retention_h=0)
    assert young.exists()
    assert not old.exists()


@pytest.mark.slow
def test_the_log_stays_short(lake, target):
    for at in range(25):
        day = DAY + timedelta(days=at % 25)
        lake.archive.append([answer("A", day, day_rows(day, power=at))])
        publish_toys(lake, target)
    assert (target / "readings" / "_delta_log" / "_last_checkpoint").exists()
    assert len(published_rows(target / "readings")) == 100


# What can be wrong with a folder


_PUBLISH = """
# Before the user changes, who may not read Python's own folder.
import deltalake.exceptions, deltalake.fs, deltalake.transaction, pyarrow.fs, pyarrow.parquet
from warehouse.errors import TargetError
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.publication import PublicationOptions, Publishable, publish_folder
become_nobody()
with Lake(os.path.join({folder!r}, "data")) as lake:
    lake.archive.append([answer("A", day, day_rows(day))])
    lake.archive.flush()
    build(lake, ToyDecoder())
    {limit}
    try:
        publish_folder(lake, DeltaTarget({target!r}, {{}}), "north",
                       Publishable([ToyDecoder()]), PublicationOptions())
    except TargetError as error:
        print(error)
"""


def _refusal(folder, target, limit="pass"):
    folder.chmod(0o777)
    return run_apart(_PUBLISH.format(folder=str(folder), target=str(target), limit=limit))


@pytest.fixture
def shared_folder():
    """A folder that any user can reach, as those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.processes
@as_root
def test_a_target_without_permission_is_one_sentence(shared_folder):
    target = shared_folder / "published"
    target.mkdir(mode=0o755)
    text = _refusal(shared_folder, target)
    assert text.startswith(f"Publishing in {target} failed: permission is denied")
    assert text.count("\n") == 0


@pytest.mark.processes
@as_root
def test_a_full_disk_is_one_sentence_and_the_next_publication_is_right(shared_folder):
    """As a limit on the size of files says it, which `write` reports in the same place."""
    target = shared_folder / "published"
    limit = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))"
    text = _refusal(shared_folder, target, limit)
    assert "readings in" in text
    assert text.count("\n") == 0
    assert _refusal(shared_folder, target) == ""
    assert len(published_rows(target / "readings")) == 4
