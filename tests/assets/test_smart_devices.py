"""Smart devices and their readings: the secret never, newest first until known ones are met."""

from datetime import UTC, date, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.devices import DeviceKind
from assets.framework.decoding.decoder import decoders
from assets.framework.ingestion.fetch_result import Outcome
from assets.registry import datasets, without_devices
from assets.smart_device_readings import DATASET as READINGS
from assets.smart_devices import DATASET as DEVICES
from tests.support.api_examples import example, needs_shared
from tests.support.simulated_home import decode, rows_of
from warehouse.forget import forget

# The list of communication devices is always asked for, and stands for none here.
LISTS = (COMMUNICATION_DEVICES, DEVICES)
UUID = "00000000-0000-4000-8000-000000000001"


def device(**other_data):
    return {
        "uuid": UUID,
        "alias": "Kettle",
        "other_data": {"graph_color": "#010203", "hardware_id": "h1", "local_key": "s3"}
        | other_data,
    }


def test_each_leaf_but_the_secret_is_a_column():
    decoded = decode(DEVICES, {"data": [device()]})
    assert rows_of(decoded, "smart_devices") == [
        {
            "device_uuid": UUID,
            "alias": "Kettle",
            "graph_color": "#010203",
            "hardware_id": "h1",
            "extra_fields": None,
        }
    ]
    assert decoded.drift == []


def test_what_was_left_out_before_archiving_is_null_and_no_drift():
    answer = device(local_key={"redacted": "string"}) | {"alias": {"redacted": "string"}}
    decoded = decode(DEVICES, {"data": [answer, {"uuid": None}]})
    (row,) = rows_of(decoded, "smart_devices")
    assert (row["alias"], row["hardware_id"], decoded.drift) == (None, "h1", [])
    assert [row["column"] for row in decoded.quarantine.to_pylist()] == ["device_uuid"]


def test_other_data_can_be_empty_and_hold_other_fields():
    answer = [
        device() | {"other_data": []},
        device(hardware_id=7, maker="x") | {"uuid": UUID[:-1] + "2"},
    ]
    first, second = rows_of(decode(DEVICES, {"data": answer}), "smart_devices")
    assert (first["graph_color"], first["hardware_id"]) == (None, None)
    assert (second["hardware_id"], second["extra_fields"]) == ("7", '{"other_data.maker":"x"}')


@needs_shared
def test_the_documents_devices_land_whole_but_for_the_secret():
    answer = example("Get Your Smart Devices")
    rows = rows_of(decode(DEVICES, answer), "smart_devices")
    for row, sent in zip(rows, answer["data"], strict=True):
        other = sent["other_data"]
        assert row == {
            "device_uuid": sent["uuid"],
            "alias": sent["alias"],
            "graph_color": other["graph_color"],
            "hardware_id": other["hardware_id"],
            "extra_fields": None,
        }


def test_each_leaf_of_a_reading_is_a_column():
    answer = [
        {"time": "2025-07-01T23:30:00Z", "power": "12.5"},
        {"time": "2025-07-01T23:25:00Z", "power": None, "volts": 240},
        {"power": 3},
    ]
    decoded = decode(READINGS, {"data": answer}, device_id=UUID)
    first, second = rows_of(decoded, "smart_device_readings")
    assert first == {
        "device_uuid": UUID,
        "time": datetime(2025, 7, 1, 23, 30, tzinfo=UTC),
        "local_time": datetime(2025, 7, 2, 0, 30),
        "local_date": date(2025, 7, 2),
        "power_w": 12.5,
        "extra_fields": None,
    }
    assert (second["power_w"], second["extra_fields"]) == (None, '{"volts":240}')
    assert [row["row_index"] for row in decoded.quarantine.to_pylist()] == [2]


@needs_shared
def test_the_documents_readings_land_whole():
    answer = example("Get Smart Device Data Points by ID")
    rows = rows_of(decode(READINGS, answer, device_id=UUID, any_time=True), "smart_device_readings")
    assert [(row["time"].strftime("%Y-%m-%dT%H:%M:%SZ"), row["power_w"]) for row in rows] == [
        (sent["time"], sent["power"]) for sent in answer["data"]
    ]


def test_nothing_is_requested_of_a_device_that_was_removed(home):
    at_home = home(smart_devices=2)
    sim = at_home.simulator
    first, second = sim.smart_device_uuids
    found = at_home.devices(*LISTS)[DeviceKind.SMART_DEVICE]
    assert sorted(device.device_id for device in found) == sorted((first, second))
    account = str(sim.account["id"])
    sim.set_listing("smart-device", account, sim.truth_of("smart-device", account)[:1])
    at_home.refresh(DEVICES)
    assert at_home.rows("SELECT device_uuid FROM smart_devices_now") == [{"device_uuid": first}]
    assert len(at_home.rows("FROM smart_devices")) == 2


def test_the_secret_is_in_no_file(home):
    at_home = home(smart_devices=2)
    sim = at_home.simulator
    at_home.devices(*LISTS)
    devices = sim.truth_of("smart-device", str(sim.account["id"]))
    secrets = [device["other_data"]["local_key"].encode() for device in devices]
    files = [path.read_bytes() for path in at_home.data.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [secret for secret in secrets for content in files if secret in content]
    # Compressed pages hide text: what the archive yields is looked at as well.
    with at_home.session() as session:
        for batch in session.lake.archive.scan(["body"], dataset="smart_devices"):
            for row in batch.to_pylist():
                assert not [secret for secret in secrets if secret in bytes(row["body"])]
    assert at_home.rows("SELECT DISTINCT alias, extra_fields FROM smart_devices") == [
        {"alias": None, "extra_fields": None}
    ]


@pytest.mark.slow
def test_a_forgotten_device_is_gone_from_every_table(home):
    at_home = home(smart_devices=2, smart_points_every_s=86_400)
    first, second = at_home.simulator.smart_device_uuids
    at_home.refresh(READINGS, lists=LISTS)
    with at_home.session() as session:
        forget(
            session.lake,
            devices=[first],
            decoders=decoders(datasets()),
            rewrite_body=without_devices,
        )
    for table in ("smart_devices", "smart_device_readings"):
        assert at_home.rows(f"SELECT DISTINCT device_uuid FROM {table}") == [
            {"device_uuid": second}
        ]


def readings(at_home):
    return at_home.rows(
        "SELECT device_uuid, time, power_w FROM smart_device_readings ORDER BY device_uuid, time"
    )


def truth(sim):
    return [
        {
            "device_uuid": uuid,
            "time": datetime.fromisoformat(row["time"]),
            "power_w": float(row["power"]),
        }
        for uuid in sorted(sim.smart_device_uuids)
        for row in reversed(sim.truth_of("smart-device-data", uuid))
    ]


def pages(at_home):
    return sorted(
        (request.path.split("/")[3], int(request.query["page"]))
        for request in at_home.simulator.requests
    )


NOW = datetime(2024, 9, 1, 12, tzinfo=UTC)


@pytest.fixture
def plugs(home):
    """Give a home with two plugs that report hourly, in pages of 1,000 readings."""
    at_home = home(
        smart_devices=2, smart_points_every_s=3600, page_size_caps={"smart-device-data": 1000}
    )
    at_home.simulator.set_clock(NOW)
    return at_home


@pytest.mark.slow
def test_all_is_read_once_and_then_one_page_a_day(plugs):
    sim = plugs.simulator
    assert plugs.refresh(READINGS, lists=LISTS).failures == []
    assert readings(plugs) == truth(sim)
    assert max(page for _, page in pages(plugs)) > 2
    for day in (1, 2):
        sim.set_clock(NOW + timedelta(days=day))
        plugs.refresh(READINGS, lists=LISTS)
        assert pages(plugs) == sorted((uuid, 1) for uuid in sim.smart_device_uuids)
        assert readings(plugs) == truth(sim)


@pytest.mark.slow
def test_after_a_long_pause_pages_are_read_until_known_readings_are_met(plugs):
    sim = plugs.simulator
    plugs.refresh(READINGS, lists=LISTS)
    sim.set_clock(NOW + timedelta(days=60))
    plugs.refresh(READINGS, lists=LISTS)
    assert pages(plugs) == sorted((u, page) for u in sim.smart_device_uuids for page in (1, 2))
    assert readings(plugs) == truth(sim)


@pytest.mark.slow
def test_a_walk_that_did_not_reach_the_end_is_started_again(plugs):
    sim = plugs.simulator
    first = min(sim.smart_device_uuids)
    sim.fail(rf"/v1/smart-device/{first}/data\?.*page=3", status=500)
    report = plugs.refresh(READINGS, lists=LISTS)
    assert [(a.request.device_id, a.outcome) for a in report.failures] == [(first, Outcome.FAILED)]
    sim.clear_failures()
    plugs.refresh(READINGS, lists=LISTS)
    assert {uuid for uuid, page in pages(plugs) if page > 1} == {first}
    assert readings(plugs) == truth(sim)


@pytest.mark.slow
def test_all_is_read_again_on_demand(plugs):
    sim = plugs.simulator
    plugs.refresh(READINGS, lists=LISTS)
    uuid = sim.smart_device_uuids[0]
    changed = sim.truth_of("smart-device-data", uuid)
    changed[-1] = changed[-1] | {"power": 77}
    sim.set_listing("smart-device-data", uuid, changed)
    plugs.refresh(READINGS, lists=LISTS)
    assert readings(plugs) != truth(sim)
    plugs.refresh(READINGS, lists=LISTS, refetch=True)
    assert readings(plugs) == truth(sim)
