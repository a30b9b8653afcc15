"""A value that cannot be true costs the value: counted, kept, and back when it can be true."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.framework import InRange
from assets.framework.contract.column_schema import table_schema, with_source
from assets.framework.contract.table import Table
from assets.framework.decoding.decoder import DatasetDecoder
from assets.inverter_data_points import InverterDataPoints
from assets.inverter_data_points.point_columns import SCHEMA, TABLE
from tests.support.table_content import digest_of, rows_of
from tests.support.toy_decoder import answer
from warehouse.lake import Lake
from warehouse.tables.build import build, rebuild
from warehouse.verification.verify import verify

DAY = date(2025, 6, 3)
POINTS = "inverter_data_points"
TABLE_FOLDER, QUARANTINE = f"tables/{POINTS}", f"index/quarantine/{POINTS}"
STORES = (TABLE_FOLDER, f"index/superseded/{POINTS}", QUARANTINE)
WILD = 6532.6
MEMORY = Path("/dev/shm")


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path / "lake") as lake:
        yield lake


def point(minute: int, temperature: Any = 20, power: Any = 100, **more: Any) -> dict[str, Any]:
    return {
        "time": f"2025-06-03T10:{minute:02}:00Z",
        "power": {"inverter": {"temperature": temperature, "power": power}},
        **more,
    }


def deliver(lake: Lake, *points: dict[str, Any], day: date = DAY) -> int:
    (response_id,) = lake.archive.append([answer("SIM0001", day, points, dataset=POINTS)])
    return response_id


def table_of(lake: Lake) -> list[tuple[int, float | None, float | None]]:
    return sorted(
        (row["time"].minute, row["inverter_temperature_celsius"], row["inverter_power_w"])
        for row in rows_of(lake.folder, TABLE_FOLDER)
    )


def test_the_row_stays_without_the_value_and_is_counted(lake: Lake) -> None:
    deliver(lake, point(0), point(5, WILD), point(10, "cold", 7), point(15, time="soon"))
    report = build(lake, DatasetDecoder(InverterDataPoints()))
    assert table_of(lake) == [(0, 20.0, 100.0), (5, None, 100.0), (10, None, 7.0)]
    counts = ("rows_in", "new", "quarantined", "partly_quarantined")
    assert [report.rows(name) for name in counts] == [4, 3, 1, 2]
    entries = rows_of(lake.folder, QUARANTINE)
    assert {(e["row_index"], e["column"], e["value"], e["is_row_kept"]) for e in entries} == {
        (1, "inverter_temperature_celsius", "6532.6", True),
        (2, "power.inverter.temperature", '"cold"', True),
        (3, "time", '"soon"', False),
    }


def test_a_row_that_only_lost_a_wild_value_displaces_none_and_a_good_value_returns(
    lake: Lake,
) -> None:
    decoder = DatasetDecoder(InverterDataPoints())
    deliver(lake, point(0), point(5, WILD))
    build(lake, decoder)
    deliver(lake, point(0, WILD), point(5, 21))
    report = build(lake, decoder)
    assert table_of(lake) == [(0, 20.0, 100.0), (5, 21.0, 100.0)]
    assert [report.rows(name) for name in ("superseding", "superseded")] == [1, 1]
    # A later reading with other values takes its place, as one with a null does.
    deliver(lake, point(0, WILD, 101))
    build(lake, decoder)
    assert table_of(lake)[0] == (0, None, 101.0)


def test_every_row_of_a_day_of_wild_values_is_counted_once_however_often_it_is_delivered(
    lake: Lake,
) -> None:
    decoder = DatasetDecoder(InverterDataPoints())
    points = [point(minute, WILD) for minute in range(40)]
    deliver(lake, *points)
    build(lake, decoder)
    # The second response is longer, and in another order.
    deliver(lake, *(point(minute, WILD) for minute in range(40, 50)), *points)
    build(lake, decoder)
    entries = rows_of(lake.folder, QUARANTINE)
    assert len(entries) == 50
    assert Counter(entry["times_seen"] for entry in entries) == {2: 40, 1: 10}
    assert len({entry["row_digest"] for entry in entries}) == 50
    # Of one response and check, only a sample of the rows themselves is kept beside the archive.
    assert 25 <= sum(entry["raw"] is not None for entry in entries) < 50
    stepwise = digest_of(lake.folder, QUARANTINE)
    rebuild(lake, decoder)
    assert digest_of(lake.folder, QUARANTINE) == stepwise


def test_equal_rows_of_one_response_are_counted_each(lake: Lake) -> None:
    lost = point(0, time=None)
    deliver(lake, lost, lost, lost)
    build(lake, DatasetDecoder(InverterDataPoints()))
    assert [entry["times_seen"] for entry in rows_of(lake.folder, QUARANTINE)] == [1, 1, 1]


class WiderPoints(InverterDataPoints):
    """The dataset of a later givlake, which knows of hotter inverters."""

    version = InverterDataPoints.version + 1
    output_tables = (
        Table(
            name=TABLE.name,
            description=TABLE.description,
            schema=table_schema(
                {
                    **SCHEMA.columns,
                    "inverter_temperature_celsius": with_source(
                        SCHEMA.columns["inverter_temperature_celsius"],
                        "power.inverter.temperature",
                        [InRange(-100.0, 7_000.0)],
                    ),
                }
            ),
            key=TABLE.key,
            time_column=TABLE.time_column,
            device_column=TABLE.device_column,
        ),
    )


def test_a_value_returns_when_a_newer_schema_allows_it(lake: Lake) -> None:
    deliver(lake, point(0, WILD), point(5, "cold"), point(10, 9_999))
    build(lake, DatasetDecoder(InverterDataPoints()))
    report = build(lake, DatasetDecoder(WiderPoints()))
    assert report.rebuilt_because is not None
    assert report.returned_from_quarantine == 1
    assert table_of(lake) == [(0, WILD, 100.0), (5, None, 100.0), (10, None, 100.0)]
    assert {entry["value"] for entry in rows_of(lake.folder, QUARANTINE)} == {'"cold"', "9999.0"}


sent_points = st.builds(
    point,
    st.sampled_from([0, 5]),
    st.sampled_from([None, 20, 21, WILD, "cold"]),
    st.sampled_from([None, 100, 101, 1e9]),
)
deliveries = st.lists(
    st.tuples(
        st.lists(
            st.one_of(sent_points, st.just(point(0, time="2000-01-01T00:00:00Z"))), max_size=4
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def is_spoilt(sent: dict[str, Any]) -> bool:
    """Return whether a value of a point cannot be true, without the decoder's knowledge."""
    inverter = sent["power"]["inverter"]
    return inverter["temperature"] in (WILD, "cold") or inverter["power"] == 1e9


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(deliveries)
def test_every_row_and_every_value_is_accounted_for_in_any_order(
    delivered: list[tuple[list[dict[str, Any]], bool]],
) -> None:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    decoder = DatasetDecoder(InverterDataPoints())
    try:
        with Lake(folder / "lake") as lake:
            sent = {}
            for points, built in delivered:
                sent[deliver(lake, *points)] = points
                if built:
                    build(lake, decoder)
            build(lake, decoder)
            stepwise = [digest_of(lake.folder, store) for store in STORES]
            assert verify(lake, decoder).findings == []
            rebuild(lake, decoder)
            assert [digest_of(lake.folder, store) for store in STORES] == stepwise
            accounted = {
                row["response_id"]: row
                for row in rows_of(lake.folder, f"index/row_accounting/{POINTS}")
            }
            entries = rows_of(lake.folder, QUARANTINE)
            for response_id, points in sent.items():
                row = accounted[response_id]
                outcomes = ("new", "identical", "superseding", "superseded", "quarantined")
                assert sum(row[name] for name in outcomes) == row["rows_in"] == len(points)
                assert row["partly_quarantined"] <= row["rows_in"] - row["quarantined"]
            # Each wild value is in quarantine: by itself, or with its whole row.
            held = {entry["raw"] for entry in entries}
            spoilt = [each for points in sent.values() for each in points if is_spoilt(each)]
            assert {json.dumps(each) for each in spoilt} <= held
            for row in rows_of(lake.folder, TABLE_FOLDER):
                assert row["inverter_temperature_celsius"] in (None, 20.0, 21.0)
                assert row["inverter_power_w"] in (None, 100.0, 101.0)
                assert row["time"] - datetime(2025, 6, 3, 10, tzinfo=UTC) < timedelta(minutes=6)
    finally:
        shutil.rmtree(folder)
