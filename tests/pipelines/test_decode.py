"""`givlake decode`: what becomes of a saved answer, without a data folder or a token."""

import csv
import io
import json

from tests.support.owner import Owner

CHARGER = {"uuid": "a", "serial_number": 7, "type": "GivEnergy", "alias": "Home", "online": True}


def test_each_leaf_of_a_saved_response_is_named_with_its_column(tmp_path):
    owner = Owner(tmp_path, {}, token=None)
    (tmp_path / "chargers.json").write_text(json.dumps({"data": [CHARGER], "links": {"x": None}}))
    done = owner.givlake("decode", "ev_chargers", "chargers.json", "--format", "csv")
    assert done.status == 0, done.output
    rows = {row["leaf"]: row for row in csv.DictReader(io.StringIO(done.out))}
    assert {leaf: row["columns"] for leaf, row in rows.items()} == {
        "data[].uuid": "ev_chargers.charger_uuid",
        "data[].serial_number": "ev_chargers.serial_number",
        "data[].type": "ev_chargers.type",
        "data[].alias": "ev_chargers.alias",
        "data[].online": "ev_chargers.online",
        "links.x": "",
    }
    assert rows["data[].alias"]["not in a column"] == "1 redacted as personal"
    assert rows["links.x"]["not in a column"] == "1 paging, archived only"
    done = owner.givlake("decode", "ev_chargers", "chargers.json")
    assert "6 leaves, 6 values, 0 unaccounted for." in done.out
    assert not owner.data.exists()


def test_what_cannot_be_decoded_is_one_sentence(tmp_path):
    owner = Owner(tmp_path, {}, token=None)
    (tmp_path / "broken.json").write_text('{"data": [')
    done = owner.givlake("decode", "ev_chargers", "broken.json")
    assert done.status == 2
    assert done.err.startswith(
        "givlake: broken.json is no response for ev_chargers (Expecting value"
    )
    done = owner.givlake("decode", "chargers", "broken.json")
    assert done.status == 2
    assert done.err == "givlake: Unknown dataset 'chargers'. Did you mean ev_chargers?\n"
    done = owner.givlake("decode", "ev_chargers", "absent.json")
    assert done.status == 2
    assert "absent.json" in done.err
