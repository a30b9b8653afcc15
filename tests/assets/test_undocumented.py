"""Responses whose shape nobody documents: whatever comes is split into rows and read."""

import json

import pytest

from assets.framework import ResponseShape, elements
from assets.inverter_health import DATASET as HEALTH
from assets.lock_settings import DATASET as LOCK_SETTINGS
from assets.locks import DATASET as LOCKS
from assets.preset_profiles import DATASET as PROFILES
from assets.tariff_automation import DATASET as AUTOMATION
from assets.tariff_automation_settings import DATASET as AUTOMATION_SETTINGS
from assets.tariff_scheduler_slots import DATASET as SLOTS
from tests.support.simulated_home import decode, rows_of

ALL = (HEALTH, LOCKS, LOCK_SETTINGS, PROFILES, AUTOMATION, AUTOMATION_SETTINGS, SLOTS)
HIDDEN, PSEUDONYM = {"redacted": "string"}, {"pseudonym": "0123456789abcdef"}
ROW, OPEN, LIST, VALUES = (
    ResponseShape.OPEN_ROW,
    ResponseShape.OPEN,
    ResponseShape.OPEN_LIST,
    ResponseShape.OPEN_VALUES,
)


@pytest.mark.parametrize(
    ("shapes", "body", "rows"),
    [
        ((ROW, OPEN, LIST, VALUES), {"data": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ((ROW, OPEN, LIST, VALUES), {"data": None}, []),
        ((ROW, OPEN, LIST, VALUES), {"data": []}, []),
        ((ROW, OPEN, LIST, VALUES), {"data": {}}, []),
        ((ROW, OPEN, LIST, VALUES), {"data": 3}, [3]),
        ((ROW, OPEN, LIST), {"data": {"a": 1, "b": {}}}, [{"a": 1, "b": {}}]),
        ((ROW, OPEN, LIST), {"a": 1}, [{"a": 1}]),
        ((VALUES,), {"a": "ok"}, [{"key": "a", "value": "ok"}]),
        ((ROW,), {"data": {"x": {"a": 1}}}, [{"x": {"a": 1}}]),
        ((OPEN, LIST, VALUES), {"data": {"x": {"a": 1}}}, [{"key": "x", "a": 1}]),
        ((OPEN, LIST, VALUES), {"data": {"0": {"a": 1}, "2": {"a": 2}}}, [{"a": 1}, {"a": 2}]),
        ((OPEN, LIST, VALUES), {"data": {"x": {"key": "y"}}}, [{"key": "y"}]),
        ((OPEN,), {"data": {"v": 1, "of": [{"a": 1}]}}, [{"v": 1, "of": [{"a": 1}]}]),
        ((LIST, VALUES), {"data": {"v": 1, "of": [{"a": 1}]}}, [{"answer": {"v": 1}, "a": 1}]),
        ((LIST, VALUES), {"data": {"slots": [], "tags": ["x"]}}, []),
        ((LIST, VALUES), {"data": {"locks": [], "n": 0}}, []),
        ((LIST,), {"data": {"id": 1, "types": []}}, [{"id": 1, "types": []}]),
        ((LIST,), {"data": {"id": 1, "types": [HIDDEN]}}, [{"id": 1, "types": [HIDDEN]}]),
        ((OPEN, LIST), {"data": {"a": HIDDEN, "b": PSEUDONYM}}, [{"a": HIDDEN, "b": PSEUDONYM}]),
        ((VALUES,), {"data": {"a": HIDDEN}}, [{"a": HIDDEN}]),
        (
            (LIST,),
            {"data": {"n": 1, "slots": {"x": {"a": 1}}}},
            [{"answer": {"n": 1}, "key": "x", "a": 1}],
        ),
        ((LIST,), {"data": {"n": 1, "slots": {"a": 1}}}, [{"n": 1, "slots": {"a": 1}}]),
        (
            (LIST, VALUES),
            {"data": {"slots": [{"a": 1}], "messages": [HIDDEN, PSEUDONYM]}},
            [{"answer": {"messages": [HIDDEN, PSEUDONYM]}, "a": 1}],
        ),
        ((LIST,), {"data": {"v": [{"a": 1}], "of": [{}]}}, [{"v": [{"a": 1}], "of": [{}]}]),
    ],
)
def test_a_body_is_split_into_rows(shapes, body, rows):
    for shape in shapes:
        raw_rows = elements(json.dumps(body).encode(), shape)
        assert [json.loads(bytes(row)) for row in raw_rows] == rows, shape


def test_numbers_stay_as_they_were_sent():
    (row,) = elements(b'{"data": {"x": {"a": 1.50, "b": 123456789012345678901}}}', OPEN)
    assert bytes(row) == b'{"key":"x","a":1.50,"b":123456789012345678901}'


@pytest.mark.parametrize("dataset", ALL, ids=lambda dataset: dataset.name)
@pytest.mark.parametrize(
    "body",
    [
        {"data": None},
        {"data": []},
        {"data": {}},
        {"data": 3},
        {"data": "no"},
        {"data": [3, None, "x", [], {}]},
        {"data": [[{"a": 1}]]},
        {"data": {"x": None, "y": 3, "z": [1], "0": True}},
        {"data": {"x": [[]], "y": {"y": {"y": None}}}},
        {"data": [{"status": 3, "id": True, "name": [], "start": {}, "presets": 0}]},
        {"data": [{"id": 1e400, "price": "x", "expires_at": 5, "is_enabled": "yes"}]},
        {"message": "Something"},
    ],
    ids=str,
)
def test_nothing_ends_in_an_exception(dataset, body):
    decoded = decode(dataset, body)
    assert "decoder_failed" not in decoded.quarantine["reason"].to_pylist()
    assert all(drift.kind != "new_field" for drift in decoded.drift)


def test_what_is_no_row_is_in_quarantine_with_its_reason():
    decoded = decode(LOCKS, {"data": ["x", {"id": 7}]})
    assert [row["lock_id"] for row in rows_of(decoded, "locks")] == ["7"]
    (entry,) = decoded.quarantine.to_pylist()
    assert (entry["reason"], entry["raw"], entry["row_index"]) == ("not_decodable", '"x"', 0)


@pytest.mark.parametrize(
    ("dataset", "data", "names"),
    [
        (PROFILES, [{"name": "A", "id": 1}, {"name": "A", "id": 2}], ["1", "2"]),
        (PROFILES, [{"name": "A", "id": 1}, {"name": "A"}, {"name": "B"}], ["A 0", "A 1", "B"]),
        (PROFILES, [{"name": "A"}, {"name": "B"}, {"name": "A"}], ["A 0", "B", "A 2"]),
        (LOCK_SETTINGS, [{"type": "x", "id": 1}, {"type": "x", "id": 2}], ["1", "2"]),
        (SLOTS, [{"start": "1", "mode": "charge"}, {"start": "1", "mode": "off"}], ["1 0", "1 1"]),
    ],
)
def test_rows_of_one_name_are_told_apart(dataset, data, names):
    decoded = decode(dataset, {"data": data})
    column = {"preset_profiles": "profile", "lock_settings": "setting"}.get(dataset.name, "slot")
    assert [row[column] for row in rows_of(decoded, dataset.name)] == names
    assert decoded.quarantine.num_rows == 0


@pytest.mark.parametrize(
    ("before", "after", "is_change"),
    [
        ({"id": 1, "updated_at": "x"}, {"id": 1, "updated_at": "y"}, False),
        ({"id": 1, "of": {"lastTime": 1}}, {"id": 1, "of": {"lastTime": 2}}, False),
        ({"id": 1, "a": 1, "b": 2}, {"id": 1, "b": 2, "a": 1, "timestamp": 3}, False),
        ({"id": 1, "max_duration": 1}, {"id": 1, "max_duration": 2}, True),
        ({"id": 1}, {"id": 1, "other": 2}, True),
    ],
)
@pytest.mark.parametrize(
    "dataset", [each for each in ALL if each is not HEALTH], ids=lambda dataset: dataset.name
)
def test_the_time_of_a_change_makes_no_version(dataset, before, after, is_change):
    contents = []
    for content in (before, after):
        (row,) = rows_of(decode(dataset, {"data": content}), dataset.name)
        assert json.loads(row.pop("extra_fields")) == content
        contents.append(row)
    assert (contents[0] != contents[1]) == is_change
    (table,) = dataset.output_tables
    assert table.unversioned_columns == ("extra_fields",)
