"""Things with a history: however observations come in, the versions are those of a rebuild."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.listing_decoder import DATASET, SCHEMA, BoxDecoder, box, hour, page, spec
from tests.support.table_content import rows_of
from tests.support.toy_decoder import UTC_US
from warehouse.archive import compact
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.errors import StoreError
from warehouse.forget import forget
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Listing
from warehouse.interface.table_spec import History, TableSpec
from warehouse.lake import Lake
from warehouse.tables.build import build, rebuild
from warehouse.tables.build_report import Limits
from warehouse.tables.merge import DUPLICATE, IDENTICAL, NEW, SUPERSEDED
from warehouse.tables.scd2 import fold
from warehouse.verification.integrity import check

MEMORY = Path("/dev/shm")
SMALL = Limits(batch_bytes=1, memory_bytes=1, spill_bytes=1)
Version = tuple[str, Any, Any, Any, datetime, datetime | None]


def store(lake: Lake, *fetches: Any) -> list[int]:
    """Archive fetches (an entry, or a list of pages), each in a segment of its own."""
    ids = []
    for fetch in fetches:
        ids += lake.archive.append(fetch if isinstance(fetch, list) else [fetch])
        lake.archive.flush()
    return ids


def versions(lake: Lake) -> list[Version]:
    names = ("box", "colour", "size", "last_seen", "valid_from", "valid_to")
    found = [tuple(row[name] for name in names) for row in rows_of(lake.folder, "tables/boxes")]
    return sorted(found, key=lambda row: (row[0], row[4]))


def built(lake: Lake, *fetches: Any) -> list[Version]:
    """Archive and build step by step; the outcome must be that of a rebuild."""
    for fetch in fetches:
        store(lake, fetch)
        build(lake, BoxDecoder())
    stepwise = rows_of(lake.folder, "tables/boxes")
    rebuild(lake, BoxDecoder())
    assert rows_of(lake.folder, "tables/boxes") == stepwise
    return versions(lake)


def test_a_change_begins_a_version_and_a_repetition_confirms_it(lake: Lake) -> None:
    found = built(
        lake,
        page([box("A"), box("B")], 0),
        page([box("A", last_seen=7), box("B")], 1),
        page([box("A", "blue", last_seen=8), box("B")], 2),
        page([box("A", "blue"), box("B")], 3),
    )
    assert found == [
        ("A", "red", 1, 7, hour(0), hour(2)),
        ("A", "blue", 1, 8, hour(2), None),
        ("B", "red", 1, None, hour(0), None),
    ]
    rows = rows_of(lake.folder, "tables/boxes")
    assert {row["fetched_at"] for row in rows if row["valid_to"] is None} == {hour(3)}


def test_a_null_takes_no_values_place(lake: Lake) -> None:
    steps = [box("A", None), box("A", "red", 2), box("A", None, 2), box("A", "red"), box("A", None)]
    found = built(lake, *(page([step], at) for at, step in enumerate(steps)))
    assert found == [
        ("A", None, 1, None, hour(0), hour(1)),
        ("A", "red", 2, None, hour(1), hour(3)),
        ("A", "red", 1, None, hour(3), None),
    ]


def test_an_item_that_a_whole_list_lacks_has_ended_until_it_comes_back(lake: Lake) -> None:
    found = built(
        lake,
        page([box("A"), box("B")], 0),
        page([box("B")], 1),
        page([], 2),
        page([box("A")], 3),
    )
    assert found == [
        ("A", "red", 1, None, hour(0), hour(1)),
        ("A", "red", 1, None, hour(3), None),
        ("B", "red", 1, None, hour(0), hour(2)),
    ]


def test_only_its_own_list_and_only_a_whole_one_ends_an_item(lake: Lake) -> None:
    found = built(
        lake,
        page([box("A")], 0),
        page([], 1, account="other"),
        page([box("B")], 2, complete=False),
        [page([box("B")], 3, page_count=2), page([box("A")], 3, page=2, page_count=2)],
    )
    assert [row[-1] for row in found] == [None, None]


def test_a_list_with_a_row_that_cannot_be_read_ends_nothing(lake: Lake) -> None:
    found = built(lake, page([box("A")], 0), page([box("A", size=-1)], 1))
    assert found == [("A", "red", 1, None, hour(0), None)]
    assert len(rows_of(lake.folder, "index/quarantine/boxes")) == 1


def test_a_clock_that_runs_back_leaves_versions_in_order(lake: Lake) -> None:
    found = built(
        lake,
        page([box("A")], 5),
        page([box("A", "blue")], 1),
        page([], 0),
        page([box("A", "blue")], 2),
    )
    instant = timedelta(microseconds=1)
    assert [(row[1], row[4], row[5]) for row in found] == [
        ("red", hour(5), hour(5) + instant),
        ("blue", hour(5) + instant, hour(5) + 2 * instant),
        ("blue", hour(5) + 2 * instant, None),
    ]


def test_rows_are_accounted_for(lake: Lake) -> None:
    first, second, third = store(
        lake,
        page([box("A", "grey"), box("B"), box("A"), box("C", size=-1)], 0),
        page([box("A", None), box("B", "blue")], 1),
        page([box("A"), box("B", "blue"), box("C")], 2),
    )
    report = build(lake, BoxDecoder())
    names = ["response_id", "rows_in", "new", "identical", "superseding", "superseded"]
    counted = report.accounting.select([*names, "quarantined"]).to_pylist()
    assert [tuple(row.values()) for row in counted] == [
        (first, 4, 2, 0, 0, 0, 2),
        (second, 2, 1, 0, 0, 1, 0),
        (third, 3, 1, 2, 0, 0, 0),
    ]
    assert report.rows("new") == len(versions(lake)) == 4
    assert {row["reason"] for row in rows_of(lake.folder, "index/quarantine/boxes")} == {
        "duplicate_key",
        "check_failed",
    }


def test_views_show_all_versions_and_the_present_ones(lake: Lake) -> None:
    publish(lake, BoxDecoder().tables)
    with connect(lake) as connection:
        assert connection.execute("SELECT count(*) FROM boxes_now").fetchone() == (0,)
        store(lake, page([box("A"), box("B")], 0), page([box("A", "blue")], 1))
        build(lake, BoxDecoder())
        assert connection.execute("SELECT count(*) FROM boxes").fetchone() == (3,)
        now = connection.execute("SELECT box, colour, valid_from FROM boxes_now").fetchall()
        assert now == [("A", "blue", hour(1))]
        views = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal")
        assert "boxes_superseded" not in {name for (name,) in views.fetchall()}
    (path,) = (lake.folder / "tables/boxes").glob("part-*")
    assert path.name == "part-0-of-1.parquet"
    assert pq.read_schema(path).metadata[b"givlake.key"] == b"box,valid_from"
    assert not (lake.folder / "index/superseded/boxes").exists()
    assert check(lake) == []


def test_responses_that_come_late_lead_to_the_versions_of_a_rebuild(folder: Path) -> None:
    with Lake(folder) as one, Lake(folder) as two:
        one.archive.append([page([box("A")], 0)])
        one.archive.append([page([box("A", "blue")], 1)])
        store(two, page([box("A", "green")], 2))
        build(two, BoxDecoder())
        assert versions(two) == [("A", "green", 1, None, hour(2), None)]
        report = build(one, BoxDecoder())
        assert report.rebuilt_because is not None
        assert report.rebuilt_because.startswith(
            "older responses of boxes were archived after newer ones"
        )
        assert [(row[1], row[5]) for row in versions(one)] == [
            ("red", hour(1)),
            ("blue", hour(2)),
            ("green", None),
        ]
        assert report.damage == []
        assert pending_responses(one, ["boxes"]) == {}


def test_an_empty_list_that_comes_late_is_not_lost(folder: Path) -> None:
    with Lake(folder) as one, Lake(folder) as two:
        store(two, page([box("A")], 0))
        one.archive.append([page([], 1)])
        store(two, page([box("A")], 2))
        build(two, BoxDecoder())
        build(one, BoxDecoder())
        assert [row[4:] for row in versions(one)] == [(hour(0), hour(1)), (hour(2), None)]


@pytest.mark.slow
def test_a_table_gets_a_history_with_a_new_version_of_its_decoder(lake: Lake) -> None:
    plain = spec(history=None)
    store(lake, page([box("A")], 0), page([box("A", "blue")], 1))
    build(lake, BoxDecoder(tables=(plain,), lists=False))
    publish(lake, [plain])
    assert len(rows_of(lake.folder, "index/superseded/boxes")) == 2
    assert build(lake, BoxDecoder(version=2)).rebuilt_because is not None
    publish(lake, BoxDecoder(version=2).tables)
    assert [row[1] for row in versions(lake)] == ["red", "blue"]
    assert list((lake.folder / "index/superseded/boxes").iterdir()) == []
    with connect(lake) as connection:
        assert connection.execute("SELECT colour FROM boxes_now").fetchall() == [("blue",)]


def test_forgetting_an_item_leaves_the_others_versions(lake: Lake) -> None:
    store(lake, page([box("AAA"), box("BBB")], 0), page([box("AAA"), box("BBB", "blue")], 1))
    build(lake, BoxDecoder())

    def without(_: str, body: bytes, __: object) -> bytes:
        kept = rb', {"box": "BBB"'
        return body[: body.index(kept)] + b"]}"

    forget(lake, devices=["BBB"], decoders=[BoxDecoder()], rewrite_body=without)
    assert versions(lake) == [("AAA", "red", 1, None, hour(0), None)]


def test_a_listing_of_a_table_without_history_is_refused(lake: Lake) -> None:
    store(lake, page([], 0))
    with pytest.raises(StoreError, match="lists entities of table boxes, which has no history"):
        build(lake, BoxDecoder(tables=(spec(history=None),)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time_column": "valid_from"}, "has a history and the time column 'valid_from'"),
        ({"history": History(("nothing",))}, "has no column 'nothing'"),
        ({"history": History(("box",))}, "column 'box' of table boxes cannot be unversioned"),
        ({"history": History((), listed_by="size")}, "'size' of table boxes must be of type"),
    ],
)
def test_a_history_that_does_not_fit_the_table_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        spec(**changes)


# -- the law ---------------------------------------------------------------------------------

observed = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from([None, "red", "blue"]),
    st.sampled_from([None, 1]),
    st.sampled_from([None, 5, 6]),
)
fetches = st.lists(
    st.tuples(
        st.lists(observed, max_size=3),
        st.sampled_from(["acc", "other"]),
        st.booleans(),  # complete
        st.integers(0, 9),  # hour on a clock that may run back
    ),
    min_size=1,
    max_size=9,
)
Drawn = tuple[list[tuple[str, Any, Any, Any]], str, bool, int]


def expected_of(drawn: list[Drawn]) -> list[dict[str, Any]]:
    """Follow the rules with a plain loop over responses in their order."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    instant = timedelta(microseconds=1)
    for number, (boxes, account, complete, at) in enumerate(drawn):
        last = {name: (colour, size, seen) for name, colour, size, seen in boxes}
        for name, (colour, size, seen) in last.items():
            standing = rows[name][-1] if rows[name] else None
            if standing is not None and standing["valid_to"] is None:
                pairs = [(standing["colour"], colour), (standing["size"], size)]
                if all(new is None or new == old for old, new in pairs):
                    standing |= {"response_id": number, "fetched_at": hour(at)}
                    standing["listed_by"] = account
                    standing["last_seen"] = standing["last_seen"] if seen is None else seen
                    continue
                standing["valid_to"] = max(hour(at), standing["valid_from"] + instant)
            begun = hour(at) if standing is None else max(hour(at), standing["valid_to"])
            rows[name].append(
                {
                    "box": name, "colour": colour, "size": size, "last_seen": seen,
                    "listed_by": account, "valid_from": begun, "valid_to": None,
                    "response_id": number, "fetched_at": hour(at),
                }
            )  # fmt: skip
        for name, of_box in rows.items() if complete else ():
            standing = of_box[-1]
            if name in last or standing["listed_by"] != account:
                continue
            if standing["valid_to"] is None:
                standing["valid_to"] = max(hour(at), standing["valid_from"] + instant)
    return [row for name in sorted(rows) for row in rows[name]]


def as_tables(drawn: list[Drawn], start: int, stop: int) -> tuple[pa.Table, list[Listing]]:
    rows, listings = [], []
    for number in range(start, stop):
        boxes, account, complete, at = drawn[number]
        rows += [
            box(name, colour, size, last_seen=seen)
            | {"listed_by": account, "response_id": number, "fetched_at": hour(at)}
            for name, colour, size, seen in boxes
        ]
        if complete:
            listings.append(Listing(DATASET, account, number, number, hour(at)))
    return pa.Table.from_pylist(rows, SCHEMA), listings


@settings(deadline=None)
@given(fetches, st.sets(st.integers(0, 9)))
def test_folding_in_any_steps_follows_the_rules(drawn: list[Drawn], cuts: set[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(drawn)), len(drawn)]
    table = SCHEMA.empty_table()
    new = 0
    for start, stop in pairwise(edges):
        rows, listings = as_tables(drawn, start, stop)
        folded = fold(spec(), table, rows, listings)
        table = folded.rows
        new += int((folded.classes == NEW).sum())
        assert set(folded.classes.tolist()) <= {NEW, IDENTICAL, SUPERSEDED, DUPLICATE}
    assert table.to_pylist() == expected_of(drawn)
    assert new == table.num_rows


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(fetches, st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_publication_and_builds_gives_a_rebuild(
    drawn: list[Drawn], random: Any, tiny: bool
) -> None:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    limits = SMALL if tiny else Limits()
    try:
        with Lake(folder / "lake") as one, Lake(folder / "lake") as two:
            ids = []
            for boxes, account, complete, at in drawn:
                listed = [
                    box(name, colour, size, last_seen=seen) for name, colour, size, seen in boxes
                ]
                lake = random.choice([one, two])
                entry = page(listed, at, account=account, complete=complete)
                ids += lake.archive.append([entry])
                if random.random() < 0.4:
                    random.choice([one, two]).archive.flush()
                if random.random() < 0.3:
                    build(random.choice([one, two]), BoxDecoder(), limits=limits)
                if random.random() < 0.1:
                    compact(one.archive)
            for lake in random.sample([one, two], 2):
                build(lake, BoxDecoder(), limits=limits)
            stepwise = rows_of(one.folder, "tables/boxes")
            number = {response_id: at for at, response_id in enumerate(ids)}
            found = [row.copy() for row in stepwise]
            for row in found:
                row["response_id"] = number[row["response_id"]]
            found.sort(key=lambda row: (row["box"], row["valid_from"]))
            assert found == expected_of(drawn)
            accounts = rows_of(one.folder, "index/row_accounting/boxes")
            assert len(accounts) == len(drawn)
            for row in accounts:
                assert row["rows_in"] == sum(
                    row[name] for name in ("new", "identical", "superseded", "quarantined")
                )
            assert sum(row["new"] for row in accounts) == len(found)
            rebuild(two, BoxDecoder(), limits=limits)
            assert rows_of(one.folder, "tables/boxes") == stepwise
    finally:
        shutil.rmtree(folder)


def test_many_observations_take_little_time() -> None:
    things, polls = 2_000, 100
    at = np.repeat(np.arange(polls), things)
    rows = pa.table(
        {
            "box": np.tile([f"B{number:04d}" for number in range(things)], polls),
            "colour": pa.array(np.where(at >= 50, "blue", "red")),
            "size": np.ones(things * polls, dtype=np.int64),
            "last_seen": at,
            "listed_by": ["acc"] * (things * polls),
            "valid_from": pa.nulls(things * polls, UTC_US),
            "valid_to": pa.nulls(things * polls, UTC_US),
            "response_id": at,
            "fetched_at": pa.array(at * 1_000_000, UTC_US),
        },
        schema=SCHEMA,
    )
    listings = [Listing(DATASET, "acc", n, n, hour(0)) for n in range(polls)]
    folded = fold(spec(), SCHEMA.empty_table(), rows, listings)
    assert folded.rows.num_rows == 2 * things
    assert folded.rows["valid_to"].null_count == things
    assert set(folded.rows["last_seen"].to_pylist()) == {49, 99}


def test_a_table_may_have_no_content_but_its_key() -> None:
    schema = SCHEMA.remove(SCHEMA.get_field_index("size"))
    schema = schema.remove(schema.get_field_index("colour"))
    bare = TableSpec(DATASET, schema, ("box",), None, None, 1, "One row.", History(("last_seen",)))
    rows, listings = as_tables([([("A", "red", 1, 5)], "acc", True, 0)] * 2, 0, 2)
    folded = fold(bare, schema.empty_table(), rows.select(schema.names), listings)
    assert folded.rows.num_rows == 1
    assert folded.classes.tolist() == [NEW, IDENTICAL]
