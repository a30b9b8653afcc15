"""Forgetting: out of every store, with a record that does not name what was forgotten."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tests.support.table_content import rows_of
from tests.support.toy_decoder import ToyDecoder, answer, day_rows, failure
from warehouse.archive import Rank, compact
from warehouse.catalogue import publish
from warehouse.coverage import CoverageRule, refresh_coverage
from warehouse.errors import StoreError
from warehouse.forget import forget, is_known, unfinished
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.tables.build import build

DAY = date(2025, 6, 1)
MOMENT = datetime(2025, 6, 5, tzinfo=UTC)


def traces(folder: Path, word: str) -> list[str]:
    """Name the files that hold a word, decoding Parquet files whole."""
    import pyarrow.parquet as pq

    found = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            text = repr(pq.read_table(path, partitioning=None).to_pylist())
        elif path.is_file():
            text = path.read_bytes().decode(errors="replace")
        else:
            continue
        if word in text:
            found.append(str(path.relative_to(folder)))
    return sorted(found)


@pytest.fixture
def filled(lake: Lake) -> Lake:
    devices = ("SECRET1", "KEPT1")
    for device in devices:
        bad = [{**row, "p": -1.0} for row in day_rows(DAY, 2)]
        lake.archive.append([answer(device, DAY, day_rows(DAY) + bad, account=f"of-{device}")])
        lake.archive.append([answer(device, DAY, day_rows(DAY, power=3), account=f"of-{device}")])
        lake.archive.append([failure(device, DAY, 500)])
    listing = json.dumps({"data": [{"serial": device} for device in devices]}).encode()
    lake.archive.append([answer("", None, [], dataset="devices", body=listing)])
    build(lake, ToyDecoder())
    lake.expect(
        pa.Table.from_pylist(
            [{"dataset": "readings", "device_id": device, "first_date": DAY} for device in devices],
            EXPECTED_SCHEMA,
        )
    )
    refresh_coverage(lake, [CoverageRule("readings", 1)])
    publish(lake, ToyDecoder().tables)
    return lake


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_a_device_leaves_every_store_and_the_others_stay(filled: Lake, packed: bool) -> None:
    if packed:
        compact(filled.archive)
    assert len(traces(filled.folder, "SECRET1")) > 5

    def without(_: str, body: bytes, __: object) -> bytes:
        rows = [row for row in json.loads(body)["data"] if row["serial"] != "SECRET1"]
        return json.dumps({"data": rows}).encode()

    report = forget(filled, devices=["SECRET1"], decoders=[ToyDecoder()], rewrite_body=without)
    assert (report.responses, report.rewritten) == (3, 1)
    assert (report.datasets, report.unbuilt) == (("readings",), ("devices",))
    assert traces(filled.folder, "SECRET1") == []
    assert {row["meter"] for row in rows_of(filled.folder)} == {"KEPT1"}
    assert len(rows_of(filled.folder)) == 4
    assert traces(filled.folder, "KEPT1")
    (line,) = (filled.folder / "forgotten.jsonl").read_text().splitlines()
    assert json.loads(line)["responses"] == 3
    assert forget(filled, devices=["SECRET1"], decoders=[ToyDecoder()]).responses == 0


def test_a_list_that_nobody_can_rewrite_is_removed(filled: Lake) -> None:
    report = forget(filled, devices=["SECRET1"], decoders=[ToyDecoder()])
    assert (report.responses, report.rewritten) == (4, 0)
    assert traces(filled.folder, "SECRET1") == []


def test_a_name_leaves_the_names_of_imported_files_whatever_they_are_about(filled: Lake) -> None:
    file = "dumps/SECRET1/other.json"
    imported = {"rank": Rank.IMPORT, "source": "import", "source_file": file}
    (number,) = filled.archive.append([answer("KEPT1", DAY, day_rows(DAY), **imported)])
    forget(filled, devices=["SECRET1"], decoders=[ToyDecoder()])
    assert traces(filled.folder, "SECRET1") == []
    files = {
        row["response_id"]: row["source_file"]
        for rows in filled.archive.scan(["response_id", "source_file"])
        for row in rows.to_pylist()
    }
    assert files[number] is None


def test_an_account_leaves_with_all_its_responses(filled: Lake) -> None:
    report = forget(filled, accounts=["of-SECRET1"], decoders=[ToyDecoder()])
    assert report.responses == 2
    assert traces(filled.folder, "of-SECRET1") == []
    assert {row["meter"] for row in rows_of(filled.folder)} == {"KEPT1"}


def test_an_interrupted_forgetting_is_finished_by_the_next(filled: Lake) -> None:
    class Dies(ToyDecoder):
        def decode(self, responses: object) -> object:  # type: ignore[override]
            raise StoreError("stopped")

    with pytest.raises(StoreError, match="stopped"):
        forget(filled, devices=["SECRET1"], decoders=[Dies()])
    assert traces(filled.folder, "SECRET1") != []
    assert unfinished(filled) == ("SECRET1",)
    assert is_known(filled, "SECRET1")
    report = forget(filled, devices=["OTHER"], decoders=[ToyDecoder()])
    assert report.datasets == ("readings",)
    assert traces(filled.folder, "SECRET1") == []
    assert unfinished(filled) == ()


def test_a_part_of_a_name_forgets_nothing(filled: Lake) -> None:
    assert not is_known(filled, "SECRET")
    report = forget(filled, devices=["SECRET", "ECRET1"], decoders=[ToyDecoder()])
    assert (report.responses, report.rewritten) == (0, 0)
    assert {row["meter"] for row in rows_of(filled.folder)} == {"SECRET1", "KEPT1"}


def test_an_account_takes_the_devices_along_that_only_it_has(folder: Path) -> None:
    with Lake(folder) as lake:
        for device, account in (("ALONE", "mine"), ("BOTH", "mine"), ("BOTH", "yours")):
            lake.archive.append([answer(device, DAY, day_rows(DAY), account=account)])
        lake.expect(
            pa.Table.from_pylist(
                [
                    {"dataset": "readings", "device_id": d, "first_date": DAY}
                    for d in ("ALONE", "BOTH")
                ],
                EXPECTED_SCHEMA,
            )
        )
        build(lake, ToyDecoder())
        told: list[set[str]] = []
        report = forget(
            lake,
            accounts=["mine"],
            decoders=[ToyDecoder()],
            erase_elsewhere=lambda names: told.append(set(names)),
        )
        assert report.responses == 2
        assert told == [{"mine", "ALONE"}]
        assert traces(folder, "ALONE") == traces(folder, "mine") == []
        assert lake.expected()["device_id"].to_pylist() == ["BOTH"]
        assert {row["meter"] for row in rows_of(folder)} == {"BOTH"}


def test_settings_and_expectations_are_kept_whole(folder: Path) -> None:
    with Lake(folder) as lake:
        lake.state.set("history_start", "2020-01-01")
        lake.state.set("devices", ["A"])
        lake.state.set("devices", None)
        with pytest.raises(StoreError, match="table of expected days cannot be stored"):
            lake.expect(pa.table({"dataset": ["x"]}))
    with Lake(folder) as lake:
        assert lake.state.all() == {"history_start": "2020-01-01"}
        assert lake.state.get("nothing", 3) == 3
        (folder / "state.json").write_text("{")
        with pytest.raises(StoreError, match="is not valid JSON"):
            lake.state.get("x")
    assert MOMENT.tzinfo is UTC
