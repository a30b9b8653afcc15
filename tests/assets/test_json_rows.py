"""Typed rows out of JSON: what was left out as personal, numbers of all kinds, items of lists."""

import json
import subprocess
import sys
import typing
from typing import Annotated

import msgspec
import pytest

from assets.framework.contract.json_rows import Int64, Wire, decode_rows, number_of
from assets.registry import datasets


class _Item(Wire):
    size: float | None = None


class _Owner(Wire):
    name: str | None = None
    age: Int64 | None = None


class _Row(Wire):
    name: str | None = None
    count: Int64 | None = None
    tags: list[str] | None = None
    owner: _Owner = msgspec.field(default_factory=_Owner)
    items: list[_Item] | None = None


def decode(*rows):
    return decode_rows(json.dumps({"data": list(rows)}).encode(), _Row)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"name": {"redacted": "string"}}, _Row()),
        ({"name": {"pseudonym": "ab12"}}, _Row(name="pseudonym:ab12")),
        ({"count": {"redacted": "integer"}}, _Row()),
        ({"owner": {"redacted": "object"}}, _Row()),
        ({"owner": {"name": {"redacted": "string"}, "age": 7}}, _Row(owner=_Owner(age=7))),
        ({"tags": {"redacted": "array"}}, _Row()),
        ({"tags": ["a", {"pseudonym": "b"}]}, _Row(tags=["a", "pseudonym:b"])),
    ],
)
def test_what_was_left_out_before_archiving_reads_as_null_or_pseudonym(sent, read):
    rows = decode(sent)
    assert rows.values == [read]
    assert (rows.rejected, dict(rows.drift), rows.extra) == ([], {}, {})


def misfits(rows):
    return {
        index: [(misfit.field, misfit.value) for misfit in misfits]
        for index, misfits in rows.misfits.items()
    }


def test_an_object_that_only_resembles_it_is_a_misfit():
    rows = decode({"name": {"redacted": "string", "more": 1}}, {"name": {"left": "out"}})
    assert rows.values == [_Row(), _Row()]
    assert misfits(rows) == {
        0: [("name", '{"redacted":"string","more":1}')],
        1: [("name", '{"left":"out"}')],
    }


def test_a_number_that_no_float_holds_costs_its_row_no_other():
    rows = decode_rows(b'{"data": [{"name": "a", "items": [{"size": 1e400}]}]}', _Row)
    assert rows.values == [_Row(name="a", items=[_Item()])]
    assert misfits(rows) == {0: [("items[].size", "inf")]}


def test_a_value_of_another_type_costs_its_row_no_other():
    rows = decode(
        {"name": "a", "count": 1, "owner": "nobody", "items": [{"size": []}, 7, {"size": 2}]},
        {"name": "b", "items": "none", "tags": ["x", 5]},
        "no row",
    )
    assert rows.values == [
        _Row(name="a", count=1, items=[_Item(), _Item(), _Item(2.0)]),
        _Row(name="b", tags=["x", None]),
    ]
    assert misfits(rows) == {
        0: [("owner", '"nobody"'), ("items[].size", "[]"), ("items[]", "7")],
        1: [("items", '"none"'), ("tags[]", "5")],
    }
    assert [(row.position, row.field) for row in rows.rejected] == [(2, "row")]


@pytest.mark.parametrize("count", [2**63, -(2**63) - 1, 10**400, 1e300, "1e300", 1.5, True, "x"])
def test_a_whole_number_that_no_column_can_hold_is_a_misfit(count):
    rows = decode({"count": count}, {"count": 3})
    assert rows.values == [_Row(), _Row(count=3)]
    assert [field for field, _ in misfits(rows)[0]] == ["count"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3, 3.0),
        ("3.5", 3.5),
        (" 3 ", 3.0),
        ("1_000", None),
        ("٣", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (False, None),
        (None, None),
        ([1], None),
        (10**400, None),
    ],
)
def test_numbers_and_text_that_is_one(value, read):
    assert number_of(value) == read


def test_unknown_fields_of_all_items_of_a_list_are_kept():
    rows = decode({"items": [{"size": 1, "colour": "red"}, {"size": "2", "colour": "blue"}]})
    assert rows.extra == {0: {"items[0].colour": "red", "items[1].colour": "blue"}}
    assert rows.drift == {
        ("new_field", "items[].colour", "string"): 2,
        ("changed_type", "items[].size", "string"): 1,
    }
    assert rows.values == [_Row(items=[_Item(1.0), _Item(2.0)])]


def test_no_row_takes_a_whole_number_that_no_column_holds():
    """One such number in one answer would stop every build of its dataset."""
    for dataset in datasets():
        for name, kind in _kinds(dataset.row_type, dataset.row_type.__name__):
            assert kind is not int, f"{dataset.name}: {name} must be Int64"


def _kinds(hint, name):
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        for field, of in typing.get_type_hints(hint, include_extras=True).items():
            yield from _kinds(of, f"{name}.{field}")
    elif typing.get_origin(hint) is Annotated:
        yield name, hint
    else:
        yield name, hint
        for of in typing.get_args(hint):
            yield from _kinds(of, name)


FIRST_DECODING = """
import os, sys, threading
from assets.framework.contract.json_rows import decode_rows
from assets.inverter_data_points import DATASET

BODY = b'{"data": [{"time": "x", "power": {"solar": {"power": 1}}}]}'


def decode_at_once():
    sys.setswitchinterval(1e-6)
    gate = threading.Barrier(8)

    def decode():
        gate.wait()
        decode_rows(BODY, DATASET.row_type, DATASET.shape)

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for _ in range(60):
    child = os.fork()
    if not child:
        decode_at_once()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"a child ended with {os.waitstatus_to_exitcode(status)}")
"""


@pytest.mark.slow
@pytest.mark.processes
def test_threads_may_be_the_first_to_decode_a_type():
    """A type of msgspec must not be prepared by one thread while another uses it (SIGSEGV)."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_DECODING], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
