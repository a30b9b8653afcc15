"""`givlake decode` of a response of each dataset, saved as the API sent it, and of odd files."""

import csv
import io
import json
from datetime import UTC, date, datetime

import pytest
import requests

from assets.framework.contract.dataset import DailyDataset
from assets.registry import datasets
from simulator import Simulator
from tests.support.every_device import every_device
from tests.support.owner import Owner
from tests.support.timeouts import TIMEOUT_S

NOW = datetime(2025, 6, 4, 12, tzinfo=UTC)
DAY = date(2025, 6, 3)
NAMES = [dataset.name for dataset in datasets()]
FLOWS = {"types": list(range(7)), "start_time": "2025-06-01", "end_time": "2025-06-04"}
METER = {"address": 1, "start_time": "2025-06-01", "end_time": "2025-06-04"}
# What a request needs besides its path, of the datasets that are not requested by day.
PARAMETERS = {
    "energy_flow_aggregates": {"grouping": 1, **FLOWS},
    "inverter_events": {"start": "2025-05-01", "end": "2025-06-05", "cleared": 1},
    "inverter_grid_meter_readings": METER,
    "tariff_scheduler_slots": {"start_date": "2025-06-03", "end_date": "2025-06-03"},
}
OF_COMPANIES = ("account_children", "account_devices")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Save a response of each dataset from two simulated accounts: a customer's, a company's."""
    folder = tmp_path_factory.mktemp("saved")
    shared = {"clock": NOW, "site_status_approved": True}
    for company in (False, True):
        account = {"account_type": "company", "children": 1} if company else {}
        with Simulator(every_device(NOW, 30, **shared, **account)) as sim:
            for dataset in datasets():
                if (dataset.name in OF_COMPANIES) is company:
                    (folder / f"{dataset.name}.json").write_bytes(_response(sim, dataset))
    return folder


def _response(sim, dataset):
    (ems,) = sim.ems_serials
    ids = {
        "inverter": sim.serials[0],
        "charger": sim.charger_uuids[0],
        "device": sim.smart_device_uuids[0],
        "ems": ems,
        "account": "901001",
        "site": "70001",
        "command": "change-mode",
        "preset": "timed-charge",
        "setting": "17",
        "date": DAY.isoformat(),
    }
    path, parameters = ids, PARAMETERS.get(dataset.name, {})
    if isinstance(dataset, DailyDataset):
        kind = "charger" if dataset.name.startswith("ev_") else "inverter"
        request = dataset.request(ids[kind], DAY, DAY, "Europe/London")
        path, parameters = request.path, request.body or request.query
    as_body = dataset.endpoint.method == "POST"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            dataset.endpoint.method,
            sim.base_url + dataset.endpoint.path.format(**path),
            headers={"Authorization": f"Bearer {sim.token}", "Accept": "application/json"},
            timeout=TIMEOUT_S,
            **{"json" if as_body else "params": parameters},
        )
    assert answer.status_code == 200, (dataset.name, answer.text)
    return answer.content


@pytest.fixture
def owner(tmp_path):
    return Owner(tmp_path, {}, token=None)


@pytest.mark.parametrize("name", NAMES)
def test_a_response_is_decoded_without_its_device_or_parameters(saved, owner, name):
    """Of accounts and sites it ended in a traceback, and good rows were in quarantine."""
    done = owner.givlake("decode", name, saved / f"{name}.json", "--format", "csv")
    assert (done.status, done.err) == (0, "")
    leaves = list(csv.DictReader(io.StringIO(done.out)))
    assert any(leaf["columns"] for leaf in leaves)
    # The simulator repeats times of data points, as the API does.
    allowed = {"inverter_data_points": "duplicate_key"}.get(name, "-")
    reasons = {leaf["not in a column"] for leaf in leaves}
    assert [text for text in reasons if "in quarantine" in text and allowed not in text] == []


@pytest.mark.parametrize("name", ["account_devices", "site_statuses", "energy_flow_aggregates"])
def test_the_device_and_the_parameters_make_no_difference(saved, owner, name):
    file = saved / f"{name}.json"
    without = owner.givlake("decode", name, file)
    given = ("--device", "17", "--params", '{"grouping": 2}')
    assert owner.givlake("decode", name, file, *given) == without


def test_leaves_that_a_dataset_leaves_to_others_have_a_reason(saved, owner):
    done = owner.givlake("decode", "account_devices", saved / "account_devices.json")
    assert ", 0 unaccounted for." in done.out
    line = next(line for line in done.out.splitlines() if "data[].site_id" in line)
    assert line.split(maxsplit=3)[3].split("  ")[0] == "1 archived only"


def test_a_meter_reading_of_an_unknown_request_is_no_bad_row(owner, tmp_path):
    """A row does not name its address."""
    reading = {"time": "2025-06-03T12:00:00.000000Z", "voltage_1": 240.5}
    (tmp_path / "meter.json").write_text(json.dumps({"data": [reading]}))
    done = owner.givlake("decode", "inverter_grid_meter_readings", "meter.json")
    assert (done.status, done.err) == (0, "")
    assert "2 leaves, 2 values, 0 unaccounted for." in done.out
    assert "quarantine" not in done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--device", "home"), "--device 'home' is not a number of at most 18 digits: site_"),
        (("--device", "9" * 19), "is not a number of at most 18 digits: site_statuses is requ"),
        (("--params", "grouping=1"), "--params 'grouping=1' is no JSON object: write it like '{"),
        (("--params", "[1]"), "--params '[1]' is no JSON object: write it like '{"),
    ],
)
def test_a_device_or_parameters_that_cannot_be_are_one_sentence(saved, owner, arguments, sentence):
    done = owner.givlake("decode", "site_statuses", saved / "site_statuses.json", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("givlake: --")
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


def test_a_parameter_that_rows_need_has_to_be_a_number(saved, owner):
    file = saved / "energy_flow_aggregates.json"
    done = owner.givlake("decode", file.stem, file, "--params", '{"grouping": "day"}')
    assert done.status == 2
    assert done.err == (
        "givlake: --params has \"day\" for 'grouping', which is no whole number: write it like"
        " '{\"grouping\": 1}'.\n"
    )


@pytest.mark.parametrize(
    "body", ["[]", "3", "null", '{"data": null}', '{"data": [3, "x", null, []]}', "{}", '"x"']
)
def test_no_other_json_ends_in_a_traceback(owner, tmp_path, body):
    (tmp_path / "odd.json").write_text(body)
    for name in NAMES:
        done = owner.givlake("decode", name, "odd.json")
        assert (name, done.err) == (name, "")


def test_json_that_is_nested_too_deeply_is_one_sentence(owner, tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    done = owner.givlake("decode", "sites", "deep.json")
    assert done.status == 2
    assert done.err == (
        "givlake: deep.json is no response for sites (its JSON is nested too deeply): use the JSON"
        " as the API sent it.\n"
    )
