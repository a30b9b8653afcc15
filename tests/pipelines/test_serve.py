"""An account with everything, fetched once and served: what comes out is what was fetched."""

import json
from datetime import timedelta

import duckdb
import pytest

from assets.registry import datasets
from simulator import Simulator
from tests.support.every_device import every_device, standing_now
from tests.support.owner import Owner
from tests.support.served_api import TOKEN, ApiClient, served_api
from tests.support.settings import settings_of
from warehouse.lake import Lake

pytestmark = pytest.mark.slow

DAYS = 3
# What a reader of the archive cannot know; no table of the API's content.
PROVENANCE = (
    *("response_id", "fetched_at", "valid_from", "valid_to", "first_seen_at", "last_seen_at"),
    *("listed_by", "is_current", "request_date", "account"),
)


@pytest.fixture(scope="module")
def now():
    return standing_now()


@pytest.fixture(scope="module")
def sim(now):
    """Simulate three inverters, one a Gateway, two chargers, an EMS and two smart devices."""
    with Simulator(every_device(now, DAYS, clock=now)) as simulator:
        ended = {
            "event": "Grid Voltage High",
            "start_time": f"{now - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        open_one = {**ended, "event": "Battery Cold", "end_time": None}
        simulator.set_listing("events", simulator.serials[0], [open_one, ended])
        yield simulator


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Let the owner of the account fetch everything, once."""
    chosen = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "",
        "GIVLAKE_READ_SETTINGS": "daily",
        "GIVLAKE_READ_SETTING_NAMES": "17",
    }
    made = Owner(tmp_path_factory.mktemp("owner"), chosen, token=sim.token)
    done = made.givlake("backfill")
    assert done.status == 0, done.output
    return made


@pytest.fixture(scope="module")
def api(owner):
    """Serve what was fetched."""
    with served_api(settings_of({"GIVLAKE_DATA": str(owner.data)})) as served:
        yield served


@pytest.fixture(scope="module")
def cloud(sim):
    """Send requests to the simulated API itself."""
    return ApiClient(sim.base_url, sim.token)


@pytest.fixture(scope="module")
def archived(owner):
    """Return the newest archived response to each request, read without what is tested."""
    newest = {}
    with Lake(owner.data) as lake:
        for dataset in datasets():
            for batch in lake.archive.read(dataset.name):
                for response in batch.responses:
                    newest[dataset.name, response.path, response.params] = response
    return newest


def sent(api, dataset, response):
    """Send the request of an archived response to the served API."""
    parameters = json.loads(response.params)
    if "pageSize" in parameters:
        # The API may send smaller pages than it was asked for.
        parameters["pageSize"] = json.loads(response.body)["meta"]["per_page"]
    method = next(d for d in datasets() if d.name == dataset).endpoint.method
    if method == "POST":
        return api.send("POST", response.path, json=parameters)
    return api.send("GET", response.path, params=parameters)


def test_every_archived_answer_is_served_as_it_came(api, sim, archived):
    left_out = {"inverter_grid_meter_readings", "inverter_setting_values"}
    compared = set()
    for (dataset, path, params), response in archived.items():
        if dataset in left_out:
            continue
        answer = sent(api, dataset, response)
        assert answer.status_code == 200, (dataset, path, answer.text)
        wanted = json.loads(response.body.decode().replace(sim.base_url, api.base_url))
        served = answer.json()
        if '"path":{"redacted"' in response.body.decode():
            # Of lists with personal data the archive has no links, which are made again.
            assert served["meta"].pop("path") == api.base_url + path
            wanted["meta"].pop("path")
            served["links"] = wanted["links"]
        assert served == wanted, (dataset, path, params)
        compared.add(dataset)
    not_for_owners = {"account_children", "account_devices", "site_statuses", "sso_accounts"}
    assert compared == {d.name for d in datasets()} - left_out - not_for_owners
    assert api.missing.count == 0


def test_numbers_are_written_as_they_came(api, archived):
    """JSON text, not only its value: 1 stays 1, and 1.0 stays 1.0."""
    points = [r for (name, _, _), r in archived.items() if name == "inverter_data_points"]
    assert len(points) == 3 * (DAYS + 1)
    for response in points:
        answer = api.send("GET", response.path, params={"pageSize": 100_000})
        data = response.body.partition(b',"links":')[0]
        assert answer.content.startswith(data)


def test_meters_of_an_inverter_are_served_by_day(api, cloud, sim, now):
    for serial in sim.serials:
        asked = {"address": 1, "start_time": f"{now - timedelta(days=2):%Y-%m-%d}"}
        last = {"end_time": f"{now - timedelta(days=1):%Y-%m-%d}"}
        after = {"end_time": f"{now:%Y-%m-%d}"}
        served = api.get(f"/inverter/{serial}/meter/data", {**asked, **last})["data"]
        # The simulated API leaves the last day out.
        wanted = cloud.get(f"/inverter/{serial}/meter/data", {**asked, **after})["data"]
        assert served == wanted
        assert len(served) == 2 * 288


@pytest.mark.parametrize("page_size", [1, 15, 100, None])
def test_pages_are_those_of_the_api(api, cloud, sim, now, page_size):
    day = f"{now - timedelta(days=1):%Y-%m-%d}"
    lists = [f"/inverter/{serial}/data-points/{day}" for serial in sim.serials]
    lists += [f"/smart-device/{uuid}/data" for uuid in sim.smart_device_uuids]
    lists += ["/communication-device"]
    for path in lists:
        for page in (1, 2, 7, 5000):
            query = {"page": page} | ({} if page_size is None else {"pageSize": page_size})
            answer = api.send("GET", path, params=query)
            wanted = cloud.send("GET", path, params=query).text
            assert answer.json() == json.loads(wanted.replace(sim.base_url, api.base_url))


def test_flows_by_range_grouping_and_type_are_those_of_the_api(api, cloud, sim, now):
    today, first = f"{now:%Y-%m-%d}", f"{now - timedelta(days=2):%Y-%m-%d}"
    asked = [
        {"start_time": first, "end_time": today, "grouping": 0},
        {"start_time": f"{first} 10:00", "end_time": f"{first} 11:30", "grouping": 0},
        {"start_time": first, "end_time": today, "grouping": 0, "types": [0, 5]},
        {"start_time": first, "end_time": today, "grouping": 1},
        {"start_time": first, "end_time": today, "grouping": 2, "types": [3]},
        {"start_time": first, "end_time": today, "grouping": 3},
    ]
    for serial in sim.serials:
        for body in asked:
            path = f"/inverter/{serial}/energy-flows"
            assert api.post(path, body) == cloud.post(path, body)


def test_events_are_filtered_as_the_api_does(api, cloud, sim, now):
    path = f"/inverter/{sim.serials[0]}/events"
    day = f"{now - timedelta(days=1):%Y-%m-%d}"
    for query in ({}, {"cleared": 1}, {"cleared": 0}, {"start": day, "cleared": 1}):
        answer = api.get(path, query)
        assert answer["data"] == cloud.get(path, query)["data"]
        assert answer["meta"]["total"] == len(answer["data"])
    assert len(api.get(path, {"cleared": 1})["data"]) == 2
    assert api.send("GET", path, params={"cleared": "yes"}).status_code == 422


def test_meter_data_are_filtered_as_the_api_does(api, cloud, sim, now):
    first, last = (f"{now - timedelta(days=age):%Y-%m-%dT%H:%M:%SZ}" for age in (2, 1))
    for uuid in sim.charger_uuids:
        path = f"/ev-charger/{uuid}/meter-data"
        for measurands, meters in (([13], [0]), ([13, 21], [1, 2]), ([4], [3])):
            query = {
                "start_time": first,
                "end_time": last,
                "measurands[]": measurands,
                "meter_ids[]": meters,
                "pageSize": 100,
            }
            assert api.get(path, query)["data"] == cloud.get(path, query)["data"]


def test_redacted_leaves_stay_redacted_and_pseudonyms_pseudonyms(api, cloud, sim):
    site = api.get("/site")["data"][0]
    assert site["name"] == {"redacted": "string"}
    assert site["latitude"] == {"redacted": "number"}
    assert api.get(f"/site/{site['id']}")["data"] == site
    device = api.get("/smart-device")["data"][0]
    assert device["other_data"]["local_key"] == {"redacted": "string"}
    shown = json.dumps(
        [api.get(path) for path in ("/account", "/site", "/smart-device", "/ev-charger", "/lock")]
    )
    secret = cloud.get("/smart-device")["data"][0]["other_data"]["local_key"]
    for personal in (secret, cloud.get("/site")["data"][0]["name"], "example.org"):
        assert personal not in shown


def test_values_of_settings_are_served_without_asking_the_inverter(api, owner, sim):
    (row,) = owner.sql(
        "SELECT value FROM inverter_setting_values_now"
        f" WHERE inverter_serial = '{sim.serials[0]}' AND setting_id = 17"
    )
    before = len(sim.requests)
    path = f"/inverter/{sim.serials[0]}/settings/17/read"
    assert api.post(path, {}) == {"data": {"value": json.loads(row["value"])}}
    status, message = api.refusal("POST", f"/inverter/{sim.serials[0]}/settings/99/read", json={})
    assert status == 404
    assert "no value of setting 99" in message
    assert len(sim.requests) == before


def test_givlake_itself_fetches_the_same_tables_from_it(api, owner, sim, tmp_path):
    """A second givlake, with the served API for a cloud, ends with the same tables."""
    chosen = {**owner.settings, "GIVENERGY_API_URL": api.base_url}
    chosen |= {"GIVLAKE_DATA": str(tmp_path / "data"), "GIVENERGY_API_TOKEN": TOKEN}
    copy = Owner(tmp_path, chosen, token=TOKEN)
    requests = len(sim.requests)
    done = copy.givlake("backfill")
    assert done.status == 0, done.output
    assert len(sim.requests) == requests
    for dataset in datasets():
        for table in dataset.output_tables:
            if table.name == "inverter_setting_reads":
                continue  # each read is one of its own
            rows = [content(each, table.name) for each in (owner, copy)]
            assert rows[1] == rows[0], table.name
    quarantined = "SELECT count(*) AS rows FROM quarantine"
    assert copy.sql(quarantined) == owner.sql(quarantined)


def content(owner, table):
    with duckdb.connect(str(owner.data / "warehouse.duckdb"), read_only=True) as lake:
        lake.execute("SET TimeZone = 'UTC'")
        rows = lake.sql(f'FROM "{table}"').to_arrow_table().to_pylist()
    kept = [{k: v for k, v in row.items() if k not in PROVENANCE} for row in rows]
    return sorted(kept, key=repr)
