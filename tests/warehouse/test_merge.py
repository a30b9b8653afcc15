"""The law of puts, against an oracle that keeps every version and folds it row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toy_decoder import SCHEMA, spec
from warehouse.archive.entry import Rank, sequence_number
from warehouse.errors import StoreError
from warehouse.tables.merge import (
    DUPLICATE,
    IDENTICAL,
    NEW,
    STANDS,
    SUPERSEDED,
    SUPERSEDING,
    key_codes,
    merge,
)
from warehouse.tables.row_compare import compare_rows

SPEC = spec()
NO_ROWS = SCHEMA.empty_table()
NO_VERSIONS = SCHEMA.append(STANDS).empty_table()
MOMENT = datetime(2025, 6, 1, tzinfo=UTC)
STRINGS = [
    None,
    [],
    [{"number": 1, "v": 1.0}],
    [{"number": 1, "v": None}],
    [{"number": 2, "v": 1.0}],
]

contents = st.tuples(
    st.sampled_from([None, 1.0, 2.0, -0.0, 0.0]),
    st.sampled_from([None, "ok"]),
    st.sampled_from(STRINGS),
)
ranks = st.sampled_from(Rank)
# A response is rows for some of a few keys; its number is its place in the list.
responses = st.lists(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 1), contents), max_size=4),
    min_size=1,
    max_size=7,
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def row(response: int, meter: str, minute: int, content: tuple[Any, ...]) -> dict[str, Any]:
    power, status, strings = content
    return {
        "meter": meter,
        "time": MOMENT.replace(minute=minute),
        "power_w": power,
        "status": status,
        "strings": strings,
        "response_id": response,
        "fetched_at": MOMENT.replace(microsecond=sequence_number(response)),
        "request_date": MOMENT.date(),
    }


def only_loses(old: Any, new: Any) -> bool:
    """Whether ``new`` is ``old`` with some values turned into nulls."""
    if new is None:
        return True
    if isinstance(new, list) and isinstance(old, list):
        return len(old) == len(new) and all(map(only_loses, old, new))
    if isinstance(new, dict) and isinstance(old, dict):
        return all(only_loses(old[name], new[name]) for name in new)
    return repr(old) == repr(new)


def oracle(delivered: list[list[tuple[str, int, Any]]]) -> dict[tuple[str, int], tuple[Any, int]]:
    standing: dict[tuple[str, int], tuple[Any, int]] = {}
    newest: dict[tuple[Any, ...], int] = {}
    for response, rows in enumerate(delivered):
        for meter, minute, content in {row[:2]: row for row in rows}.values():
            key = (meter, minute)
            newest[(*key, repr(content))] = response
            if key not in standing or not only_loses(list(standing[key][0]), list(content)):
                standing[key] = (content, response)
    return {key: (content, newest[(*key, repr(content))]) for key, (content, _) in standing.items()}


def content_of(rows: pa.Table) -> dict[tuple[str, int], tuple[str, int]]:
    return {
        (r["meter"], r["time"].minute): (
            repr((r["power_w"], r["status"], r["strings"])),
            r["response_id"],
        )
        for r in rows.to_pylist()
    }


@settings(max_examples=100, deadline=None)
@given(responses, st.lists(ranks, min_size=7, max_size=7), st.randoms(use_true_random=False))
def test_any_order_repetition_and_batching_gives_what_a_fold_over_everything_gives(
    delivered: list[list[tuple[str, int, Any]]], of_sources: list[Rank], random: Any
) -> None:
    # Numbers of different sources: those of the API are processed last, whenever they came.
    numbers = [
        rank.numbered(at) for at, rank in zip(range(len(delivered)), of_sources, strict=False)
    ]
    by_number = dict(sorted(zip(numbers, delivered, strict=True)))
    tables = [
        table([row(number, *values) for values in rows]) for number, rows in by_number.items()
    ]
    order = list(range(len(tables))) + random.choices(range(len(tables)), k=3)
    random.shuffle(order)
    standing, versions = NO_ROWS, NO_VERSIONS
    classes: list[int] = []
    while order:
        batch = [order.pop() for _ in range(min(len(order), random.randint(1, 3)))]
        # The same response twice in one batch does not happen: the archive gives each once.
        incoming = pa.concat_tables([tables[number] for number in dict.fromkeys(batch)])
        merged = merge(SPEC, standing, versions, incoming)
        standing = merged.current
        if merged.versions.num_rows:
            versions = merged.versions
        classes += merged.classes.tolist()
    processed = list(by_number)
    expected = {
        key: (repr(content), processed[at])
        for key, (content, at) in oracle(list(by_number.values())).items()
    }
    assert content_of(standing) == expected
    assert classes.count(NEW) == standing.num_rows
    keys = key_codes(standing, SPEC.key, SPEC.name)
    assert (np.diff(keys) > 0).all()
    assert sum(versions["stands"].to_pylist()) == len(
        {(r["meter"], r["time"]) for r in versions.to_pylist()}
    )


def classes_of(standing: pa.Table, versions: pa.Table, *rows: dict[str, Any]) -> list[int]:
    return merge(SPEC, standing, versions, table(list(rows))).classes.tolist()


FULL, LESS, OTHER = (1.0, "ok", None), (1.0, None, None), (2.0, "ok", None)


def test_each_row_is_classed_by_what_became_of_it() -> None:
    stored = table([row(5, "A", 0, FULL)])
    assert classes_of(NO_ROWS, NO_VERSIONS, row(1, "A", 0, FULL)) == [NEW]
    assert classes_of(stored, NO_VERSIONS, row(6, "A", 0, FULL)) == [IDENTICAL]
    assert classes_of(stored, NO_VERSIONS, row(6, "A", 0, OTHER)) == [SUPERSEDING]
    assert classes_of(stored, NO_VERSIONS, row(6, "A", 0, LESS)) == [SUPERSEDED]
    assert classes_of(stored, NO_VERSIONS, row(4, "A", 0, OTHER)) == [SUPERSEDED]
    assert classes_of(stored, NO_VERSIONS, row(4, "A", 0, FULL)) == [IDENTICAL]
    both = classes_of(stored, NO_VERSIONS, row(6, "A", 0, OTHER), row(6, "A", 0, FULL))
    assert both == [DUPLICATE, IDENTICAL]
    polled = [row(number, "A", 1, FULL) for number in (9, 7, 8)]
    assert classes_of(stored, NO_VERSIONS, *polled) == [IDENTICAL, NEW, IDENTICAL]


def test_a_late_older_row_takes_the_place_of_one_that_only_lost_values() -> None:
    merged = merge(SPEC, table([row(5, "A", 0, LESS)]), NO_VERSIONS, table([row(4, "A", 0, FULL)]))
    assert merged.current["status"].to_pylist() == ["ok"]
    assert merged.classes.tolist() == [SUPERSEDING]
    assert merged.versions["stands"].to_pylist() == [True, False]


def test_minus_zero_and_zero_are_two_contents_so_that_order_does_not_matter() -> None:
    old, new = (
        table([row(1, "A", 0, (0.0, None, None))]),
        table([row(2, "A", 0, (-0.0, None, None))]),
    )
    result = compare_rows(old.select(["power_w"]), new.select(["power_w"]))
    assert result.equal.tolist() == [False]


@given(contents, contents)
def test_comparison_agrees_with_python(old: tuple[Any, ...], new: tuple[Any, ...]) -> None:
    result = compare_rows(
        table([row(1, "A", 0, old)]).select(SPEC.content),
        table([row(2, "A", 0, new)]).select(SPEC.content),
    )
    assert result.equal[0] == (repr(old) == repr(new))
    assert result.reduces[0] == only_loses(list(old), list(new))


def test_key_codes_order_as_the_keys_do_even_where_their_ranges_multiply_beyond_64_bits() -> None:
    rows = pa.table(
        {
            "a": pa.array(["b", "a", "b", "a"]),
            "b": pa.array([2**61, -(2**61), 0, 5], pa.int64()),
            "c": pa.array([2**40, 0, -(2**40), 1], pa.int64()),
        }
    )
    codes = key_codes(rows, ["a", "b", "c"], "t")
    assert np.argsort(codes).tolist() == [1, 3, 2, 0]


def test_a_null_in_the_key_is_refused() -> None:
    nameless = table([row(1, "A", 0, FULL) | {"meter": None}])
    with pytest.raises(StoreError, match="column 'meter' is part of the key of table readings"):
        merge(SPEC, NO_ROWS, NO_VERSIONS, nameless)
