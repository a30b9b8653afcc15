"""Requests to the served API: token, limit, pages, refusals, what is missing, other sources."""

import hashlib
import json
import logging
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from pipelines.serve.request_limit import RequestLimit
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.served_api import TOKEN, ApiClient, served_api
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S
from warehouse.archive import Entry, Rank

LONDON = ZoneInfo("Europe/London")
SERIALS = ("XA0000G000", "XA0000G001")
TIME = "{:%Y-%m-%dT%H:%M:%SZ}".format


@pytest.fixture(scope="module")
def now():
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def yesterday(now):
    return now.astimezone(LONDON).date() - timedelta(days=1)


@pytest.fixture(scope="module")
def sim(now):
    config = SimulatorConfig(
        inverters=2, seed=7, rows_per_day=60, empty_day_rate=0.0, rate_limit=100_000, clock=now
    )
    with Simulator(config) as simulator:
        assert tuple(simulator.serials) == SERIALS
        yield simulator


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory, yesterday):
    """Let an owner of two inverters fetch two days."""
    settings = {"GIVENERGY_API_URL": sim.base_url}
    made = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
    done = made.givlake("backfill", "--start", yesterday - timedelta(days=1), "--end", yesterday)
    assert done.status == 0, done.output
    return made


@pytest.fixture(scope="module")
def api(owner):
    with served_api(settings_of({"GIVLAKE_DATA": str(owner.data)})) as served:
        yield served


@pytest.fixture(scope="module")
def cloud(sim):
    return ApiClient(sim.base_url, sim.token)


def points_path(serial, day):
    return f"/inverter/{serial}/data-points/{day}"


def all_points(api, serial, day):
    return api.get(points_path(serial, day), {"pageSize": 100_000})["data"]


def entry(serial, day, points, *, rank=Rank.API, at=None, dataset="inverter_data_points", **more):
    """Return an archived response of a day, of any source."""
    moment = at or datetime.now(UTC)
    values = {
        "dataset": dataset,
        "device_id": serial,
        "request_date": day,
        "request_zone": "Europe/London",
        "method": "GET",
        "path": points_path(serial, day),
        "params": "{}",
        "status": 200,
        "outcome": "ok",
        "error_kind": None,
        "message": None if rank is Rank.API else "not proven",
        "requested_at": moment,
        "fetched_at": moment,
        "page": 1,
        "page_count": 1,
        "complete": rank is Rank.API,
        "rows": len(points),
        "body": json.dumps({"data": points}).encode(),
        "attempts": 1,
        "redaction_version": None,
        "rank": rank,
        "source": "api" if rank is Rank.API else "local",
    }
    return Entry(**(values | more))


def archive(owner, *entries):
    """Add responses to the owner's archive and build the tables."""
    with owner.lake() as lake:
        for each in entries:
            lake.archive.append([each])
        lake.archive.flush()
    built = owner.givlake("build")
    assert built.status == 0, built.output


def point(moment, power=100, **more):
    """Return a data point as the local reader and the API write it."""
    none = {"voltage": 240.1, "current": 1.0, "power": -50, "frequency": 50.01}
    return {
        "time": TIME(moment),
        "status": "NORMAL",
        "power": {
            "solar": {"power": power, "arrays": []},
            "grid": none,
            "battery": {"percent": 55, "power": 10, "temperature": None},
            "consumption": {"power": 160},
            "inverter": {"temperature": 30.5, "power": 110, "output_voltage": 240.0},
        },
        "today": {"solar": 1.5, "consumption": 2.5},
        "total": {"solar": 100, "consumption": 200.0},
        "is_metered": True,
        **more,
    }


# -- token and limit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}"],
)
def test_without_the_token_nothing_is_answered(api, header):
    for path in ("/communication-device", "/nothing"):
        answer = api.send("GET", path, headers={"Authorization": header})
        assert (answer.status_code, answer.text) == (401, '{"message":"Unauthenticated."}')


@pytest.mark.parametrize("header", [f"bearer {TOKEN}", f"Bearer  {TOKEN}"])
def test_the_token_is_taken_as_clients_write_it(api, header):
    answer = api.send("GET", "/communication-device", headers={"Authorization": header})
    assert answer.status_code == 200


def test_the_limit_is_that_of_the_api(owner):
    with served_api(settings_of({"GIVLAKE_DATA": str(owner.data)}), limit=3) as api:
        for remaining in ("2", "1", "0"):
            assert api.send("GET", "/nothing", headers={"Authorization": "no"}).status_code == 401
            answer = api.send("GET", "/communication-device")
            assert answer.status_code == 200
            assert answer.headers["X-RateLimit-Limit"] == "3"
            assert answer.headers["X-RateLimit-Remaining"] == remaining
        answer = api.send("GET", "/communication-device")
        assert (answer.status_code, answer.json()) == (429, {"message": "Too Many Attempts."})
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_window_of_the_limit_begins_with_its_first_request():
    at = [1000.0]
    limit = RequestLimit(2, clock=lambda: at[0])
    assert limit.count()[:2] == (True, 1)
    at[0] += 59.5
    assert limit.count()[:2] == (True, 0)
    assert limit.count() == (False, 0, 0.5)
    at[0] += 0.5
    assert limit.count() == (True, 1, 60.0)


# -- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 15, 100, 100_000])
def test_pages_have_all_rows_once_in_order(api, cloud, sim, yesterday, page_size):
    for serial in SERIALS:
        path = points_path(serial, yesterday)
        truth = sim.truth(serial, yesterday)
        last = -(-len(truth) // page_size)
        for page in {1, 2, last, last + 1}:
            query = {"page": page, "pageSize": page_size}
            answer = api.get(path, query)
            shown = truth[(page - 1) * page_size : page * page_size]
            assert answer["data"] == shown
            assert answer["meta"]["total"] == len(truth)
            assert answer["meta"]["last_page"] == last
            wanted = cloud.send("GET", path, params=query).text
            assert answer == json.loads(wanted.replace(sim.base_url, api.base_url))


def test_links_can_be_followed(api, sim, yesterday):
    """As Predbat does: the next link until there is none, which has the default size."""
    path = points_path(SERIALS[0], yesterday)
    rows, url = [], api.base_url + path
    while url:
        answer = api.get(url.removeprefix(api.base_url))
        rows += answer["data"]
        url = answer["links"]["next"]
    assert rows == sim.truth(SERIALS[0], yesterday)


@pytest.mark.parametrize("query", ["page=0", "page=-1", "pageSize=0", "pageSize=many", "page=1.5"])
def test_a_page_that_is_none_is_refused(api, yesterday, query):
    answer = api.send("GET", f"{points_path(SERIALS[0], yesterday)}?{query}")
    assert answer.status_code == 422
    assert answer.json()["message"] == "The given data was invalid."
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_long_answers_are_compressed_for_those_who_take_it(api, yesterday):
    path = points_path(SERIALS[0], yesterday)
    answer = api.send("GET", path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = api.send("GET", path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == answer.json()


# -- what is not there -------------------------------------------------------------------------


def test_a_day_that_is_missing_is_empty_and_logged_once(api, yesterday, caplog):
    caplog.set_level(logging.WARNING, "pipelines.serve.missing_log")
    before = api.missing.count
    day = yesterday - timedelta(days=400)
    for _ in range(3):
        answer = api.get(points_path(SERIALS[1], day))
        assert (answer["data"], answer["meta"]["total"]) == ([], 0)
        assert answer["meta"]["from"] is answer["meta"]["to"] is None
    assert api.missing.count == before + 3
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"not in the archive: inverter_data_points {SERIALS[1]} {day}"]
    # The future is not missing.
    assert api.get(points_path(SERIALS[1], yesterday + timedelta(days=9)))["data"] == []
    assert api.missing.count == before + 3


def test_flows_that_were_never_fetched_are_an_empty_object(api, yesterday):
    body = {"start_time": str(yesterday), "end_time": str(yesterday), "grouping": 0}
    assert api.post(f"/inverter/{SERIALS[0]}/energy-flows", body) == {"data": {}}


@pytest.mark.parametrize(
    "path",
    [
        "/inverter/XX/data-points/2025-01-01",
        "/inverter/XX/system-data/latest",
        "/inverter/XX/events",
        "/ev-charger/XX/meter-data",
        "/smart-device/XX/data",
        "/communication-device/XX",
        "/site/17",
        "/site/17/status",
        "/account",
        "/nothing",
        "/inverter/%2e%2e/data-points/2025-01-01",
        "/inverter/a%00b/system-data/latest",
    ],
)
def test_what_is_unknown_is_not_found(api, path):
    status, message = api.refusal("GET", path)
    assert status == 404
    assert "could not be found" in message or "cannot be used" in message


def test_a_serial_number_is_known_in_any_case(api, cloud, yesterday):
    """Predbat asks for it in small letters."""
    upper = api.get(points_path(SERIALS[0], yesterday))["data"]
    assert api.get(points_path(SERIALS[0].lower(), yesterday))["data"] == upper != []
    assert api.get(f"/inverter/{SERIALS[0].lower()}/system-data/latest")["data"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("data-points/2025-02-30", {}),
        ("data-points/today", {}),
        ("events", {"start": "yesterday"}),
        ("events", {"start": "2025-02-01", "end": "2025-01-01"}),
        ("events", {"cleared": "true"}),
        ("meter/data", {"start_time": "2025-02-01", "end_time": "2025-02-01"}),
        ("meter/data", {"address": 1, "start_time": "2025-02-02", "end_time": "2025-02-01"}),
    ],
)
def test_parameters_are_checked(api, path, query):
    status, message = api.refusal("GET", f"/inverter/{SERIALS[0]}/{path}", params=query)
    assert (status, message) == (422, "The given data was invalid.")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"start_time": "2025-01-01"},
        {"start_time": "2025-01-02", "end_time": "2025-01-01", "grouping": 0},
        {"start_time": "2025-01-01", "end_time": "2025-01-01", "grouping": 5},
        {"start_time": "2025-01-01", "end_time": "2025-01-01", "grouping": 0, "types": [9]},
        {"start_time": "2025-01-01", "end_time": "2025-01-01", "grouping": 0, "types": "all"},
        {"start_time": 5, "end_time": "2025-01-01", "grouping": 0},
        [1, 2],
    ],
)
def test_bodies_are_checked(api, body):
    answer = api.refusal("POST", f"/inverter/{SERIALS[0]}/energy-flows", json=body)
    assert answer == (422, "The given data was invalid.")


# -- nothing is written ------------------------------------------------------------------------

WRITES = [
    ("POST", "/inverter/{}/settings/17/write"),
    ("POST", "/inverter/{}/presets/1"),
    ("POST", "/inverter/{}/data-points/2025-01-01"),
    ("GET", "/inverter/{}/request-data"),
    ("POST", "/multi-control/write"),
    ("POST", "/multi-control/read"),
    ("POST", "/ev-charger/x/commands/start-charge"),
    ("POST", "/notification/send"),
    ("POST", "/smart-device"),
    ("POST", "/smart-device/x/data"),
    ("PUT", "/inverter/{}/settings"),
    ("PATCH", "/site/17"),
    ("DELETE", "/lock/inverter/{}"),
    ("POST", "/nothing"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_commands_are_refused_and_sent_nowhere(api, sim, method, path):
    sim.clear_requests()
    status, message = api.refusal(method, path.format(SERIALS[0]), json={"value": "1"})
    assert status == 403
    assert "only reads" in message
    assert sim.requests == []


def test_serving_changes_nothing_in_the_data_folder(owner, yesterday):
    def content():
        files = (path for path in owner.data.rglob("*") if path.is_file())
        return {
            path.relative_to(owner.data): (
                path.stat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in files
        }

    before = content()
    assert before
    with served_api(settings_of({"GIVLAKE_DATA": str(owner.data)})) as api:
        for serial in SERIALS:
            all_points(api, serial, yesterday)
            api.get(f"/inverter/{serial}/system-data/latest")
            api.get(f"/inverter/{serial}/events")
        for method, path in WRITES:
            api.send(method, path.format(SERIALS[0]), json={})
    assert content() == before


# -- other sources, and days that are fetched more than once -----------------------------------


def wait_for(api, serial, day, count):
    """Wait until the server has seen new data; return the points."""
    end = time.monotonic() + TIMEOUT_S
    while len(points := all_points(api, serial, day)) != count:
        assert time.monotonic() < end, len(points)
        time.sleep(0.2)
    return points


def test_new_data_are_served_without_a_restart(api, owner, sim, yesterday):
    day = yesterday - timedelta(days=3)
    assert all_points(api, SERIALS[0], day) == []
    assert owner.givlake("backfill", "--start", day, "--end", day).status == 0
    truth = sim.truth(SERIALS[0], day)
    assert wait_for(api, SERIALS[0], day, len(truth)) == truth


def test_a_day_that_only_a_local_reader_has_is_served(api, owner, yesterday):
    day = yesterday - timedelta(days=20)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    first = [point(noon + timedelta(seconds=10 * n), power=n) for n in range(6)]
    second = [point(noon + timedelta(seconds=60 + 10 * n), power=n) for n in range(6)]
    archive(
        owner,
        *(entry(SERIALS[0], day, points, rank=Rank.LOCAL) for points in (first, second)),
    )
    assert wait_for(api, SERIALS[0], day, 12) == first + second


def test_rows_of_the_api_stand_over_local_ones_of_the_same_time(api, owner, yesterday):
    """The API until noon, the local reader all day: the day is whole, and no time is twice."""
    day = yesterday - timedelta(days=21)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    minutes = [noon + timedelta(minutes=n) for n in range(-5, 5)]
    of_api = [point(moment, power=1) for moment in minutes[:5]]
    # Recorded: two points of one time that differ.
    of_api.insert(2, point(minutes[1], power=2))
    local = [point(moment, power=9) for moment in minutes]
    later = {"at": datetime.now(UTC) + timedelta(minutes=1)}
    archive(
        owner,
        entry(SERIALS[0], day, of_api),
        entry(SERIALS[0], day, local, rank=Rank.LOCAL, **later),
    )
    served = wait_for(api, SERIALS[0], day, 11)
    assert served == [*of_api, *local[5:]]


def test_a_row_that_a_later_fetch_lacks_is_still_served(api, owner, yesterday):
    day = yesterday - timedelta(days=22)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    older = [point(noon + timedelta(minutes=n), power=n) for n in range(5)]
    newer = [point(noon + timedelta(minutes=n), power=n + 100) for n in (0, 1, 3, 4)]
    archive(owner, entry(SERIALS[0], day, older))
    assert wait_for(api, SERIALS[0], day, 5) == older
    archive(owner, entry(SERIALS[0], day, newer))
    end = time.monotonic() + TIMEOUT_S
    while (served := all_points(api, SERIALS[0], day))[0] != newer[0]:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert served == [*newer[:2], older[2], *newer[2:]]


def test_the_latest_reading_is_made_of_a_newer_point(api, owner, now):
    """What a point does not say is null: a null is never a zero."""
    before = api.get(f"/inverter/{SERIALS[1]}/system-data/latest")["data"]
    assert before["time"] <= TIME(now)
    moment = now + timedelta(minutes=5)
    day = moment.astimezone(LONDON).date()
    archive(owner, entry(SERIALS[1], day, [point(moment, power=77)], rank=Rank.LOCAL))
    wait_for(api, SERIALS[1], day, len(all_points(api, SERIALS[1], day)))
    end = time.monotonic() + TIMEOUT_S
    while (latest := api.get(f"/inverter/{SERIALS[1]}/system-data/latest")["data"]) == before:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert latest == {
        "time": TIME(moment),
        "status": "Normal",
        "solar": {"power": 77, "arrays": []},
        "grid": {"voltage": 240.1, "current": 1.0, "power": -50, "frequency": 50.01},
        "battery": {"percent": 55, "power": 10, "temperature": None},
        "inverter": {
            "temperature": 30.5,
            "power": 110,
            "output_voltage": 240.0,
            "output_frequency": None,
        },
        "consumption": 160,
    }
    assert api.get(f"/inverter/{SERIALS[1]}/meter-data/latest")["data"] == {
        "time": TIME(moment),
        "today": {"solar": 1.5, "consumption": 2.5},
        "total": {"solar": 100, "consumption": 200.0},
        "is_metered": True,
    }


def test_points_are_followed_while_the_folder_stays_open(owner, now, yesterday):
    """A local reader writes every few seconds, more often than the folder is opened again."""
    settings = settings_of({"GIVLAKE_DATA": str(owner.data)})
    day = yesterday - timedelta(days=30)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    with served_api(settings, reopen_every_s=1e9) as api:
        api.get("/communication-device")
        sent = []
        for number in range(3):
            sent.append(point(noon + timedelta(seconds=10 * number), power=number))
            newest = point(now + timedelta(minutes=30, seconds=number), power=number)
            today = (now + timedelta(minutes=30)).astimezone(LONDON).date()
            archive(
                owner,
                entry(SERIALS[0], day, sent[-1:], rank=Rank.LOCAL),
                entry(SERIALS[0], today, [newest], rank=Rank.LOCAL),
            )
            assert all_points(api, SERIALS[0], day) == sent
            latest = api.get(f"/inverter/{SERIALS[0]}/system-data/latest")["data"]
            assert (latest["time"], latest["solar"]["power"]) == (newest["time"], number)
        assert api.missing.count == 0


def half_hours(day, hours):
    """Return the flows of a day by its local labels, as the clock shows them."""
    begun = datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)
    moments = [begun + timedelta(minutes=30 * n) for n in range(2 * hours + 1)]
    labels = [f"{moment.astimezone(LONDON):%Y-%m-%d %H:%M}" for moment in moments]
    return [
        {"start_time": start, "end_time": end, "data": {str(code): n / 10 for code in range(7)}}
        for n, (start, end) in enumerate(pairwise(labels))
    ]


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 10, 26), 25), (date(2025, 3, 30), 23)])
def test_a_day_of_a_clock_change_is_served_in_its_order(api, owner, day, hours):
    flows = half_hours(day, hours)
    after = half_hours(day + timedelta(days=1), 24)
    made = [
        entry(
            SERIALS[0],
            each,
            rows,
            dataset="energy_flows",
            method="POST",
            path=f"/inverter/{SERIALS[0]}/energy-flows",
            body=json.dumps({"data": {str(n): row for n, row in enumerate(rows)}}).encode(),
            request_end_date=each,
            day_rows=[len(rows)],
        )
        for each, rows in ((day, flows), (day + timedelta(days=1), after))
    ]
    archive(owner, *made)
    body = {
        "start_time": str(day),
        "end_time": f"{day + timedelta(days=1)} 23:30",
        "grouping": 0,
        "types": [0, 1, 2, 3, 4, 5, 6],
    }
    end = time.monotonic() + TIMEOUT_S
    path = f"/inverter/{SERIALS[0]}/energy-flows"
    while len(served := api.post(path, body)["data"]) != len(flows) + len(after):
        assert time.monotonic() < end, len(served)
        time.sleep(0.2)
    assert list(served.values()) == flows + after
    assert list(served) == [str(n) for n in range(len(served))]
