"""The rows that pandera is asked about are all that it would find fault with."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.framework.contract.column_schema import (
    TIME_UTC,
    FieldInRange,
    InRange,
    TableSchema,
    column,
)
from assets.framework.decoding.pandera_checks import check_failures
from assets.framework.decoding.suspect_rows import has_columns_of, suspect_rows

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ARRAYS = pa.list_(pa.struct([("voltage_v", pa.float64()), ("power_w", pa.float64())]))
SCHEMA = TableSchema(
    {
        "serial": column(pa.string(), "Serial", "The serial.", nullable=False),
        "count": column(pa.int64(), "Count", "A count.", checks=[InRange(0, 10)]),
        "voltage_v": column(pa.float64(), "Voltage", "A voltage.", checks=[InRange(-5.5, 5.5)]),
        "at": column(TIME_UTC, "Time", "A time.", checks=[InRange(FIRST, LAST)]),
        "arrays": column(
            ARRAYS,
            "Arrays",
            "Arrays of modules.",
            checks=[FieldInRange("voltage_v", 0, 5), FieldInRange("power_w", 0, 9)],
        ),
    }
)
TYPES = pa.schema([(name, each.arrow_type) for name, each in SCHEMA.columns.items()])
NUMBERS = st.none() | st.sampled_from([-6.0, -5.5, -0.0, 0.0, 5.0, 5.5, 9.5, 1e300])
MODULES = st.fixed_dictionaries({"voltage_v": NUMBERS, "power_w": NUMBERS})
ROWS = st.fixed_dictionaries(
    {
        "serial": st.none() | st.just("AB1234G567"),
        "count": st.none() | st.integers(-1, 11),
        "voltage_v": NUMBERS,
        "at": st.none() | st.sampled_from([datetime(1999, 12, 31, tzinfo=UTC), FIRST, LAST]),
        "arrays": st.none() | st.lists(MODULES, max_size=2),
    }
)


@given(st.lists(ROWS, max_size=8))
def test_suspects_are_the_rows_in_which_pandera_finds_a_fault(rows):
    table = pa.Table.from_pylist(rows, TYPES)
    failing = sorted({failure.row for failure in check_failures(SCHEMA, table)})
    assert suspect_rows(SCHEMA, table).tolist() == failing


def test_a_value_that_is_not_a_number_is_suspect():
    row = {"serial": "AB1234G567", "voltage_v": float("nan")}
    assert suspect_rows(SCHEMA, pa.Table.from_pylist([row], TYPES)).tolist() == [0]


@pytest.mark.parametrize(
    "types",
    [
        TYPES.remove(0),
        TYPES.append(pa.field("other", pa.int64())),
        TYPES.set(1, pa.field("count", pa.int32())),
    ],
    ids=["without a column", "with another", "with another type"],
)
def test_rows_of_other_columns_are_told_apart(types):
    assert has_columns_of(SCHEMA, pa.Table.from_pylist([], TYPES))
    assert not has_columns_of(SCHEMA, pa.Table.from_pylist([], types))
