"""What the owner tells: it is read as told, and no command replaces it."""

from __future__ import annotations

import errno
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from warehouse import owner_inputs
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.errors import DamagedError, StoreError
from warehouse.forget import forget
from warehouse.lake import Lake
from warehouse.owner_damage import damages, recast
from warehouse.read_only import ReadOnlyLake
from warehouse.storage.atomic_files import explained
from warehouse.tables.build import build
from warehouse.verification.integrity import check

DAY = date(2025, 6, 1)
SET_AT = datetime(2025, 6, 1, 12, tzinfo=UTC)
ROLES_FILE = owner_inputs.file_name("device_roles_set")
# Linux has no speed of the loopback device: reading it is an error.
UNREADABLE = Path("/sys/class/net/lo/speed")


def roles(**by_device: str) -> pa.Table:
    rows = [{"device_id": d, "role": role, "set_at": SET_AT} for d, role in by_device.items()]
    return pa.Table.from_pylist(rows, owner_inputs.SCHEMAS["device_roles_set"])


def tell_roles(lake: Lake, **by_device: str) -> None:
    with owner_inputs.lock(lake):
        owner_inputs.write(lake, "device_roles_set", roles(**by_device))


def queried(lake: Lake, sql: str) -> list[tuple]:
    with connect(lake, as_published=True) as connection:
        return connection.execute(sql).fetchall()


def test_inputs_are_empty_until_the_owner_tells_something(lake: Lake) -> None:
    for name, schema in owner_inputs.SCHEMAS.items():
        assert owner_inputs.read(lake.folder, name).equals(schema.empty_table())
    publish(lake, ToyDecoder().tables)
    for name, schema in owner_inputs.SCHEMAS.items():
        assert owner_inputs.read(lake.folder, name).equals(schema.empty_table())
        with connect(lake) as connection:
            assert connection.table(name).columns == schema.names


def test_every_view_and_column_has_a_comment(lake: Lake) -> None:
    publish(lake, ToyDecoder().tables)
    for name, schema in owner_inputs.SCHEMAS.items():
        sql = f"select count(comment) from duckdb_columns() where table_name = '{name}'"
        assert queried(lake, sql) == [(len(schema),)]
        sql = f"select comment from duckdb_views() where view_name = '{name}'"
        assert queried(lake, sql) == [(owner_inputs.DESCRIPTIONS[name],)]


def test_publishing_keeps_what_the_owner_told(lake: Lake) -> None:
    tell_roles(lake, A="whole_site", B="ignored")
    before = (lake.folder / ROLES_FILE).read_bytes()
    publish(lake, ToyDecoder().tables)
    (lake.folder / "warehouse.duckdb").unlink()
    publish(lake, ToyDecoder().tables)
    assert (lake.folder / ROLES_FILE).read_bytes() == before
    assert queried(lake, "select device_id, role from device_roles_set order by 1") == [
        ("A", "whole_site"),
        ("B", "ignored"),
    ]


def test_a_file_with_fewer_columns_gets_the_others(lake: Lake) -> None:
    path = lake.folder / ROLES_FILE
    path.parent.mkdir()
    pq.write_table(roles(A="member").drop_columns("set_at"), path)
    with ReadOnlyLake(lake.folder, [ToyDecoder()]) as reading:
        assert queried(reading, "from device_roles_set") == [("A", "member", None)]
    publish(lake, ToyDecoder().tables)
    assert queried(lake, "from device_roles_set") == [("A", "member", None)]
    assert pq.read_schema(path).equals(owner_inputs.SCHEMAS["device_roles_set"])


def test_a_damaged_file_is_kept_and_reported(lake: Lake) -> None:
    tell_roles(lake, A="member")
    path = lake.folder / ROLES_FILE
    damaged = path.read_bytes()[:-20]
    path.write_bytes(damaged)
    with pytest.raises(DamagedError, match="restore it from a copy"):
        owner_inputs.read(lake.folder, "device_roles_set")
    for repair in (False, True):
        (finding,) = check(lake, [ToyDecoder()], repair=repair)
        assert (finding.repaired, finding.message.split(" is damaged")[0]) == (False, ROLES_FILE)
    publish(lake, ToyDecoder().tables)
    assert queried(lake, "from device_roles_set") == []
    (kept,) = path.parent.glob("*.damaged-*Z")
    assert kept.read_bytes() == damaged
    (finding,) = check(lake, [ToyDecoder()])
    assert finding.message.startswith(f"owner/{kept.name} is damaged")


@pytest.mark.slow
@pytest.mark.parametrize("is_current", [True, False], ids=["current", "outdated"])
@pytest.mark.parametrize("harm", ["body", "whole"])
def test_a_damaged_file_stops_nothing(lake: Lake, is_current: bool, harm: str) -> None:
    tell_roles(lake, **{f"DEVICE{number}": "member" for number in range(50)})
    publish(lake, ToyDecoder().tables)
    path = lake.folder / ROLES_FILE
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    damaged = bytes(content) if harm == "body" else b"garbage"
    path.write_bytes(damaged)
    if not is_current:
        (lake.folder / "index" / "catalogue.json").unlink()
    with ReadOnlyLake(lake.folder, [ToyDecoder()]) as reading:
        assert queried(reading, "from device_roles_set") == []
        (problem,) = (each for each in reading.problems if each.startswith(ROLES_FILE))
    assert "restore it from a copy" in problem
    assert "`givlake build`" in problem
    assert path.read_bytes() == damaged
    publish(lake, ToyDecoder().tables)
    assert queried(lake, "from device_roles_set") == []
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes() == damaged
    with ReadOnlyLake(lake.folder, [ToyDecoder()]) as reading:
        assert reading.problems == []
    # Restored from a copy.
    tell_roles(lake, A="member")
    publish(lake, ToyDecoder().tables)
    assert queried(lake, "select device_id from device_roles_set") == [("A",)]


def test_each_damage_keeps_its_own_copy(lake: Lake) -> None:
    path = lake.folder / ROLES_FILE
    contents = [b"first", b"second"]
    for content in contents:
        tell_roles(lake, A="member")
        path.write_bytes(content)
        recast(lake, "device_roles_set")
    kept = sorted(path.parent.glob("*.damaged-*"))
    assert [copy.read_bytes() for copy in kept] == contents
    earlier = path.with_suffix(".damaged")  # of a givlake that gave it no time
    earlier.write_bytes(b"earlier")
    messages = damages(lake.folder)
    assert [message.split(" is damaged")[0] for message in messages] == [
        f"owner/{copy.name}" for copy in (earlier, *kept)
    ]


@pytest.mark.skipif(not UNREADABLE.exists(), reason="no file that the system cannot read")
def test_a_file_that_the_system_cannot_read_is_not_damaged(lake: Lake) -> None:
    path = lake.folder / ROLES_FILE
    path.parent.mkdir()
    path.symlink_to(UNREADABLE)
    with pytest.raises(OSError, match="Error reading bytes"):
        recast(lake, "device_roles_set")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.is_symlink()


def test_an_error_of_the_disk_is_explained(tmp_path: Path) -> None:
    error = OSError(errno.EIO, "Input/output error")
    with pytest.raises(StoreError, match="the disk could not be read"), explained("X", tmp_path):
        raise error


def test_a_flipped_byte_is_found(lake: Lake) -> None:
    tell_roles(lake, **{f"DEVICE{number}": "member" for number in range(50)})
    path = lake.folder / ROLES_FILE
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DamagedError):
        owner_inputs.read(lake.folder, "device_roles_set")


def test_a_lost_copy_of_a_tariff_is_found(lake: Lake) -> None:
    load = dict.fromkeys(owner_inputs.SCHEMAS["tariffs"].names) | {
        "tariff": "flat", "version": 1, "file_name": "flat.toml", "file_sha256": "0" * 64,
        "is_current": True,
    }  # fmt: skip
    with owner_inputs.lock(lake):
        rows = pa.Table.from_pylist([load], owner_inputs.SCHEMAS["tariffs"])
        owner_inputs.write(lake, "tariffs", rows)
    (finding,) = check(lake, [ToyDecoder()])
    assert finding.message.startswith("owner/tariff_files/flat/1-flat.toml is missing")


def test_forgetting_a_device_removes_its_role_and_every_trace_of_it(lake: Lake) -> None:
    lake.archive.append([answer("METER-A", DAY, day_rows(DAY))])
    build(lake, ToyDecoder())
    tell_roles(lake, **{"METER-A": "grid_meter", "METER-B": "member"})
    tell_roles(lake, **{"METER-A": "whole_site", "METER-B": "member"})
    publish(lake, ToyDecoder().tables)
    forget(lake, devices=["METER-A"], decoders=[ToyDecoder()])
    assert queried(lake, "select device_id, role from device_roles_set") == [("METER-B", "member")]
    assert b"METER-A" not in (lake.folder / ROLES_FILE).read_bytes()


def test_forgetting_a_device_removes_damaged_files_that_may_name_it(lake: Lake) -> None:
    lake.archive.append([answer("METER-A", DAY, day_rows(DAY))])
    build(lake, ToyDecoder())
    publish(lake, ToyDecoder().tables)
    path = lake.folder / ROLES_FILE
    for content in (b"METER-A", b"METER-A again"):
        path.write_bytes(content)
        recast(lake, "device_roles_set")
    others = path.with_name("tariffs.damaged-20250601T000000000000Z")
    others.write_bytes(b"no device is in it")
    forget(lake, devices=["METER-A"], decoders=[ToyDecoder()])
    assert [copy.name for copy in path.parent.glob("*.damaged*")] == [others.name]
    assert queried(lake, "from device_roles_set") == []


def test_readers_of_the_replaced_file_are_not_disturbed(lake: Lake) -> None:
    tell_roles(lake, A="member")
    path = lake.folder / ROLES_FILE
    with path.open("rb") as old_footer:
        footer = pq.read_metadata(old_footer)
    tell_roles(lake, A="ignored", B="member")
    with pq.ParquetFile(path, metadata=footer) as reader:
        assert reader.read().equals(roles(A="member"))


def test_row_groups_are_those_that_were_given(lake: Lake) -> None:
    with owner_inputs.lock(lake):
        owner_inputs.write(lake, "device_roles_set", [roles(A="member"), roles(B="ignored")])
    assert pq.read_metadata(lake.folder / ROLES_FILE).num_row_groups == 2
