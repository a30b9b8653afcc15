"""What is written of bodies with personal data: allowed leaves, types, pseudonyms, no secrets."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.account_endpoints import SITES
from givenergy.endpoints.charger_endpoints import EV_CHARGER_COMMAND_DATA, EV_CHARGING_SESSIONS
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from givenergy.endpoints.lock_endpoints import LOCK_SETTINGS, LOCKS
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICES
from givenergy.endpoints.tariff_endpoints import (
    TARIFF_AUTOMATION,
    TARIFF_AUTOMATION_SETTINGS,
    TARIFF_SCHEDULER_SLOTS,
)
from givenergy.redaction import Redaction, checked_entries, redaction_of, scrub

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
KEY = bytes(range(32))
PERSONAL = {
    "name",
    "first_name",
    "surname",
    "email",
    "address",
    "postcode",
    "telephone_number",
    "company",
}


def kept_of(endpoint, body, *, keep=(), key=KEY):
    rules = redaction_of(endpoint, keep_personal=checked_entries(keep), pseudonym_key=key)
    written, version = rules.body(json.dumps(body).encode())
    assert version == (None if written == json.dumps(body).encode() else 4)
    return json.loads(written)


def sessions(*tags):
    return {"data": [{"started_by": tag, "meter_start": 1.5, "stop_reason": None} for tag in tags]}


def tags_of(kept):
    return [row["started_by"] for row in kept["data"]]


def test_paths_and_types_stay():
    body = b'{"data":[{"id":1,"n":1.5,"s":"x","b":true,"z":null,"deep":{"id":2}}],"other":3}'
    written, version = Redaction(frozenset({"data[].id"})).body(body)
    assert version == 4
    assert json.loads(written) == {
        "data": [
            {
                "id": 1,
                "n": {"redacted": "number"},
                "s": {"redacted": "string"},
                "b": {"redacted": "boolean"},
                "z": None,
                "deep": {"id": {"redacted": "integer"}},
            }
        ],
        "other": {"redacted": "integer"},
    }


def test_a_number_that_no_float_can_hold_is_kept_as_it_was_written():
    """It ended the command, also where its leaf was redacted."""
    body = b'{"data":[{"id":1e400,"other":-1e999}]}'
    written, _ = Redaction(frozenset({"data[].id"})).body(body)
    assert written == b'{"data":[{"id":1e400,"other":{"redacted":"number"}}]}'


def test_an_object_keyed_by_index_is_a_list():
    body = b'{"data":{"0":{"id":1,"name":"x"},"10":{"id":2}}}'
    written, _ = Redaction(frozenset({"data[].id"})).body(body)
    assert json.loads(written)["data"] == {
        "0": {"id": 1, "name": {"redacted": "string"}},
        "10": {"id": 2},
    }


def test_parameters_follow_the_same_rules():
    rules = Redaction(frozenset({"params.since"}))
    params = rules.params({"page": 1, "pageSize": 5, "since": "x", "name": "Anna", "ids[]": [1]})
    assert params == {
        "page": 1,
        "pageSize": 5,
        "since": "x",
        "name": {"redacted": "string"},
        "ids[]": [{"redacted": "integer"}],
    }
    assert Redaction(None).params({"local_key": "x", "a": [1, 2]}) == {
        "local_key": {"redacted": "string"},
        "a": [1, 2],
    }


def test_the_same_tag_has_the_same_pseudonym_everywhere():
    kept = kept_of(EV_CHARGING_SESSIONS, sessions("9f42852", "54bd6d5", " 9F42852", 77, "77"))
    tags = tags_of(kept)
    assert all(re.fullmatch("[0-9a-f]{16}", tag["pseudonym"]) for tag in tags)
    assert tags[0] == tags[2] != tags[1]
    assert tags[3] == tags[4]
    assert "9f42852" not in json.dumps(kept)
    command = {"data": {"id_tags": [{"id": "9F42852", "alias": "Anna", "expiry_date": None}]}}
    assert kept_of(EV_CHARGER_COMMAND_DATA, command)["data"]["id_tags"] == [
        {"id": tags[0], "alias": {"redacted": "string"}, "expiry_date": None}
    ]


def test_another_key_gives_other_pseudonyms_and_none_gives_types():
    body = sessions("9f42852")
    one, other = (kept_of(EV_CHARGING_SESSIONS, body, key=key) for key in (KEY, b"x" * 32))
    assert tags_of(one) != tags_of(other)
    assert tags_of(kept_of(EV_CHARGING_SESSIONS, body, key=None)) == [{"redacted": "string"}]


def test_what_is_no_tag_stays_readable():
    plain = ["PLUG_AND_GO", "INVERTER_CONTROL", "plug_and_go", None, ""]
    assert tags_of(kept_of(EV_CHARGING_SESSIONS, sessions(*plain))) == plain


def test_the_owner_can_widen():
    body = {"data": [{"id": 7, "name": "Home", "latitude": 51.5, "products": ["x"]}]}
    kept = kept_of(SITES, body, keep=["sites:data[].name"])
    assert kept["data"][0] == {
        "id": 7,
        "name": "Home",
        "latitude": {"redacted": "number"},
        "products": ["x"],
    }
    assert kept_of(SITES, body, keep=["sites:*"]) == body
    widened = kept_of(
        EV_CHARGING_SESSIONS, sessions("9f42852"), keep=["ev_charging_sessions:data[].started_by"]
    )
    assert tags_of(widened) == ["9f42852"]


@pytest.mark.parametrize("name", ["local_key", "localKey", "LOCAL-KEY"])
def test_the_key_to_a_device_is_never_kept(name):
    body = {"data": [{"uuid": "u", "other_data": {name: "s3cr3t", "graph_color": "#fff"}}]}
    for keep in ([], ["smart_devices:*"]):
        kept = kept_of(SMART_DEVICES, body, keep=keep)
        assert kept["data"][0]["other_data"][name] == {"redacted": "string"}
        assert kept["data"][0]["other_data"]["graph_color"] == "#fff"
    body["data"][0]["other_data"][name] = {"parts": ["s3cr3t"]}
    assert "s3cr3t" not in json.dumps(kept_of(SMART_DEVICES, body, keep=["smart_devices:*"]))
    # Also where nobody expects one.
    assert "s3cr3t" not in json.dumps(kept_of(INVERTER_DATA_POINTS, body))


def test_a_body_without_personal_data_stays_as_received():
    rules = redaction_of(INVERTER_DATA_POINTS, keep_personal=frozenset(), pseudonym_key=KEY)
    body = b'{ "data": [1.50, "local"] }'
    assert rules.body(body) == (body, None)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("sites", "'sites' names no endpoint with personal data"),
        ("nowhere:*", "with one of account, account_by_id, account_children, ev_charger,"),
        ("inverter_data_points:*", "names no endpoint with personal data"),
        (
            "sites:data[].nme",
            "'sites:data[].nme' names no redacted leaf: use one of "
            "sites:data[].account, sites:data[].latitude, sites:data[].longitude, "
            "sites:data[].name, sites:*.",
        ),
        ("sites:data[].id", "names no redacted leaf"),
        ("smart_devices:data[].other_data.local_key", "is the key to a device, which is never"),
    ],
)
def test_an_entry_that_keeps_nothing_is_refused(entry, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        checked_entries(["sites:data[].name", entry])


def test_what_may_be_kept_is_left_out_by_default():
    for endpoint in ENDPOINTS.values():
        extra = endpoint.personal | endpoint.pseudonymise
        assert not extra & (endpoint.keep or frozenset()), endpoint.name
        assert not extra or endpoint.keep is not None, endpoint.name


def test_texts_lose_secrets():
    said = "proxy http://me:pw@host/ Authorization: Bearer abc.def"
    assert scrub(said) == "proxy http://***@host/ Authorization: Bearer ***"
    assert scrub("the token abc", "abc") == "the token ***"
    cut = '{"uuid":"u","other_data":{"local_key": "s3\\"cr3t","graph":1},"x":{"local_key":"s3cr'
    assert scrub(cut) == (
        '{"uuid":"u","other_data":{"local_key": "***","graph":1},"x":{"local_key":"***"'
    )


leaves = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.just("anna")
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "local_key", "0"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(trees)
def test_nothing_but_allowed_leaves_is_ever_written(tree):
    written, _ = Redaction(frozenset({"data.id", "data[].id"})).body(
        json.dumps({"data": tree}).encode()
    )

    def strays(value, path):
        if isinstance(value, dict):
            if value.keys() == {"redacted"}:
                return
            for name, child in value.items():
                yield from strays(child, f"{path}[]" if name == "0" else f"{path}.{name}")
        elif isinstance(value, list):
            for child in value:
                yield from strays(child, f"{path}[]")
        elif value is not None and not path.endswith("id"):
            yield path

    assert list(strays(json.loads(written), "")) == []


@pytest.mark.skipif(not CONTRACT.exists(), reason="the shared material is not here")
def test_of_the_documented_examples_no_personal_value_is_written():
    text = CONTRACT.read_text()
    assert "Flat 60" in text
    secret = []
    for block in re.findall(r"Example response \(200\):\n(\{.*?\n\})\nReceived", text, re.DOTALL):
        if '"first_name"' not in block and '"latitude"' not in block:
            continue
        body = json.loads(block)
        listed = isinstance(body["data"], list)
        kind = "site" if '"latitude"' in block else "account"
        name = {"site": "sites", "account": "account_children" if listed else "account"}[kind]
        if kind == "site" and not listed:
            body = {"data": [body["data"]]}
        rows = body["data"] if isinstance(body["data"], list) else [body["data"]]
        kept = kept_of(ENDPOINTS[name], body)["data"]
        for row, left in zip(rows, kept if isinstance(kept, list) else [kept], strict=True):
            assert left["id"] == row["id"]
            for leaf in PERSONAL & row.keys():
                assert left[leaf] == {"redacted": "string"}
                secret.append(row[leaf])
    assert len(secret) > 30


def test_the_docs_name_every_leaf_that_may_be_kept():
    text = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text()
    named = set(re.findall(r"`([^`]+)`", text))
    for endpoint in ENDPOINTS.values():
        if endpoint.keep is not None:
            assert endpoint.name in named
        if endpoint.name != "account_children":
            assert endpoint.personal | endpoint.pseudonymise <= named, endpoint.name


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [
        *((value, True) for value in (True, 0, -9_999_999, 2.5, 12_345_678.9)),
        *((value, True) for value in ("2025-07-01", "2025-07-01T00:30:00.5+01:00", "00:30")),
        *((value, True) for value in ("2025-07-01 00:30:00", "2025-07-01T00:30Z")),
        *((value, False) for value in (10_000_000, 2e13, "x", "", "12345678", "2025-07-01 x")),
    ],
)
def test_of_undocumented_shapes_only_text_and_long_numbers_are_hidden(value, is_kept):
    body = {"data": {"2025-07-01": {"periods": [{"odd": value}]}}}
    for endpoint in (TARIFF_AUTOMATION, TARIFF_AUTOMATION_SETTINGS, TARIFF_SCHEDULER_SLOTS,
                     LOCKS, LOCK_SETTINGS):  # fmt: skip
        assert (kept_of(endpoint, body) == body) == is_kept
    # Nothing else is kept of documented shapes.
    assert kept_of(SITES, {"data": [{"odd": 1}]}) == {"data": [{"odd": {"redacted": "integer"}}]}


@pytest.mark.parametrize("body", [[{"mode": "x"}], {"data": [{"mode": "x"}]}, {"mode": "x"}])
def test_a_known_leaf_is_kept_in_every_shape(body):
    assert kept_of(TARIFF_AUTOMATION, body) == body


def test_what_an_archive_serves_is_not_replaced_again():
    """Another archive for an API: its values are redacted, its tags are pseudonyms already."""
    tag = {"pseudonym": "0123456789abcdef"}
    session = {"started_by": tag, "stopped_by": {"redacted": "string"}, "meter_start": 1.5}
    assert kept_of(EV_CHARGING_SESSIONS, {"data": [session]}) == {"data": [session]}
    device = {"uuid": "U", "other_data": {"local_key": {"redacted": "string"}}}
    assert kept_of(SMART_DEVICES, {"data": [device]}) == {"data": [device]}


@pytest.mark.parametrize(
    "value", [{"redacted": "Jane"}, {"redacted": {"a": 1}}, {"pseudonym": "Jane"}, {"pseudonym": 5}]
)
def test_what_only_looks_replaced_is_replaced(value):
    kept = kept_of(SITES, {"data": [{"name": value}]})
    assert "Jane" not in json.dumps(kept)
    assert kept != {"data": [{"name": value}]}


@pytest.mark.parametrize("value", [{"pseudonym": "0123456789abcdef"}, {"redacted": "Jane"}])
def test_the_key_to_a_device_is_no_pseudonym(value):
    kept = kept_of(SMART_DEVICES, {"data": [{"other_data": {"local_key": value}}]})
    assert kept == {"data": [{"other_data": {"local_key": {"redacted": "object"}}}]}
