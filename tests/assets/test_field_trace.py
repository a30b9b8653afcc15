"""Every value of every recorded and documented answer: in a column, or elsewhere with a reason."""

import json
import re
from itertools import pairwise

import pyarrow as pa
import pytest

from assets.ev_chargers import EvChargers
from assets.framework.decoding.field_trace import response_from_json, trace_fields
from assets.registry import datasets
from tests.support.api_examples import (
    CONTRACT,
    LATER_EXAMPLES,
    example,
    needs_shared,
    recorded,
)
from tests.support.simulated_home import leaves, response

DATASETS = {dataset.name: dataset for dataset in datasets()}
LATER_VERSIONS = {name for name, dataset in DATASETS.items() if dataset.endpoint.is_later}
RECORDED = {
    "communication_devices": "communication_devices",
    "communication_devices_gateway": "communication_devices",
    "energy_flows_daily_2023-10-18": "energy_flow_aggregates",
    "energy_flows_half_hourly_2024-07-03": "energy_flows",
    "ev_charger": "ev_chargers",
    "inverter_data_points_2025-06-01": "inverter_data_points",
    "inverter_data_points_2025-06-03": "inverter_data_points",
    "inverter_events": "inverter_events",
    "inverter_settings": "inverter_setting_definitions",
    "meter_data_latest": "inverter_meter_readings",
    "system_data_latest": "inverter_system_readings",
    "system_data_latest_gateway_nulls": "inverter_system_readings",
}
EV_POINTS = "Get Data Points\nrequires authentication account type: any scope: api:ev-charger:data"
POINTS = "Get Data Points\nrequires authentication account type: any scope: api:inverter:data"
DOCUMENTED = {
    "Get Your Account Information": "accounts",
    "Get Account Information by ID": "accounts",
    "Get Account Information by Username": "accounts",
    "Get Account Dongles by ID": "communication_devices",
    "Get Your Account Children Information": "account_children",
    "Get Account Children Information by ID": "account_children",
    "Get Your Communication Devices": "communication_devices",
    "Get Communication Device Information by Serial Number": "communication_devices",
    "Get Latest EMS System Data": "ems_readings",
    "Get Your EV Chargers": "ev_chargers",
    "Get EV Charger by UUID": "ev_chargers",
    EV_POINTS: "ev_meter_readings",
    "Get Supported Commands": "ev_charger_commands",
    "Get Command Data": "ev_charger_configuration",
    "Get Charging Sessions": "ev_charging_sessions",
    "Get Energy Flow Data": "energy_flows",
    "Get Setting Presets": "inverter_presets",
    "Get Settings List": "inverter_setting_definitions",
    "Read Setting": "inverter_setting_values",
    "Read Setting (Multiple)": "inverter_setting_values",
    "Get Latest System Data": "inverter_system_readings",
    "Get Latest Meter Data": "inverter_meter_readings",
    "Get Events": "inverter_events",
    POINTS: "inverter_data_points",
    "Get Your Sites": "sites",
    "Get Single Site by ID": "sites",
    "Get Site Status": "site_statuses",
    "Get Your Smart Devices": "smart_devices",
    "Get Smart Device by ID": "smart_devices",
    "Get Smart Device Data Points by ID": "smart_device_readings",
}
# They change something, or make a device do something, and givlake only reads.
WRITES = {
    "Send Command",
    "Modify Preset",
    "Modify Setting",
    "Modify Setting (Multiple)",
    "Request Inverter Data",
    "Send Notification",
    "Update Site Status",
    "Create Smart Device",
    "Create Smart Device Data Point",
}
ASKED = {
    "ev_charger_configuration": "/ev-charger/SIM0001/commands/change-mode",
    "inverter_preset_values": "/inverter/SIM0001/presets/timed-charge",
}
PERSONAL = "redacted as personal"
REASONS = {PERSONAL, "pseudonym", "empty", "paging, archived only"}


def trace(dataset, answer):
    body = json.dumps(answer).encode()
    kept = response_from_json(dataset, body, zone="Europe/London")
    if dataset.name in ASKED:
        kept = response(dataset, kept.body, path=ASKED[dataset.name])
    return trace_fields(dataset, kept)


def assert_all_accounted_for(found, answer):
    """No value is left over, and each leaf that holds any has a column."""
    assert {leaf.path: leaf.unaccounted for leaf in found if leaf.unaccounted} == {}
    whole = {re.sub(r"\[\d+\]", "[]", path) for path, _ in leaves(answer)}
    paths = {re.sub(r"(data)\.\d+\.", r"\1[].", path) for path in whole}
    assert {leaf.path for leaf in found} >= paths
    for leaf in found:
        assert leaf.columns or sum(leaf.reasons.values()) == leaf.values, leaf


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize("name", RECORDED)
def test_every_value_of_a_recorded_response_is_accounted_for(name):
    """Serials are masked in the recordings, so that things with equal ones are told apart here."""
    dataset = DATASETS[RECORDED[name]]
    whole = recorded(name)
    alone = name == "communication_devices_gateway"
    for answer in [{"data": [row]} for row in whole["data"]] if alone else [whole]:
        found = trace(dataset, answer)
        if dataset.name == "ev_chargers":
            answer = {"data": [answer["data"]]}
        assert_all_accounted_for(found, answer)
        others = {reason for leaf in found for reason in leaf.reasons} - REASONS
        expected = {
            "inverter_data_points_2025-06-01": {"in quarantine as duplicate_key"},
            "inverter_data_points_2025-06-03": {"in quarantine as duplicate_key"},
            "system_data_latest_gateway_nulls": {"in quarantine as no_reading"},
        }
        assert others == expected.get(name, set())


@needs_shared
@pytest.mark.parametrize("title", DOCUMENTED, ids=lambda title: title.partition("\n")[0])
def test_every_value_of_a_documented_response_is_accounted_for(title):
    dataset = DATASETS[DOCUMENTED[title]]
    found = trace(dataset, example(title))
    assert {leaf.path: leaf.unaccounted for leaf in found if leaf.unaccounted} == {}
    # An EMS that sends no time was read when it was asked.
    filled_in = {"null, replaced"} if dataset.name == "ems_readings" else set()
    assert {reason for leaf in found for reason in leaf.reasons} - REASONS == filled_in
    for leaf in found:
        assert leaf.columns or sum(leaf.reasons.values()) == leaf.values, leaf


@pytest.mark.parametrize("name", LATER_EXAMPLES)
def test_every_value_of_an_example_of_later_versions_is_in_a_column(name):
    dataset = DATASETS[name]
    found = trace(dataset, LATER_EXAMPLES[name])
    assert {leaf.path: leaf.unaccounted for leaf in found if leaf.unaccounted} == {}
    assert [reason for leaf in found for reason in leaf.reasons] == []
    for leaf in found:
        columns = {column.rpartition(".")[2] for column in leaf.columns} - {"extra_fields"}
        assert columns, leaf


@needs_shared
def test_no_example_of_the_document_is_left_out():
    titles, title = [], ""
    lines = CONTRACT.read_text().splitlines()
    for above, line in pairwise(lines):
        if line.startswith("requires authentication"):
            title = above
        if line.startswith("Example response"):
            titles.append(title)
    read = {title.partition("\n")[0] for title in DOCUMENTED}
    assert set(titles) == read | WRITES
    assert len(titles) == len(DOCUMENTED) + len(WRITES) + 2  # Two of them print a failure as well.
    # These read answers that other datasets read too.
    others = {"account_devices", "energy_flow_aggregates"} | LATER_VERSIONS
    assert {*DOCUMENTED.values()} == DATASETS.keys() - others


class _DroppingDataset(EvChargers):
    def columns(self, rows, response):
        columns = dict(super().columns(rows, response))
        return columns | {"type": pa.nulls(len(rows.values), pa.string())}


def test_a_value_that_a_dataset_drops_is_unaccounted_for():
    charger = {"uuid": "a", "type": "GivEnergy", "alias": "Home", "status": None, "colour": 7}
    answer = json.dumps({"data": [charger], "meta": {"total": 1}}).encode()
    dataset = _DroppingDataset()
    found = {leaf.path: leaf for leaf in trace_fields(dataset, response_from_json(dataset, answer))}
    assert found["data[].type"].unaccounted == ["GivEnergy"]
    assert found["data[].uuid"].columns == ["ev_chargers.charger_uuid"]
    assert dict(found["data[].alias"].reasons) == {PERSONAL: 1}
    assert found["data[].colour"].columns == ["ev_chargers.extra_fields"]
    assert [path for path, leaf in found.items() if leaf.unaccounted] == ["data[].type"]
    assert (found["data[].status"].values, found["data[].status"].nulls) == (1, 1)
    assert found["meta.total"].reasons == {"paging, archived only": 1}
