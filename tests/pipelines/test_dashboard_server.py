"""The dashboard's server over HTTP: what it answers, what it refuses, and how it ends."""

import csv
import gzip
import io
import re
import signal
import socket
import threading
import time
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from pipelines.dashboard import DashboardData, chart_names
from pipelines.dashboard.page_files import joined
from pipelines.dashboard.web_security import HEADERS, is_own_host
from pipelines.named_accounts import ACCOUNTS_FOLDER, NAME
from simulator import Simulator
from tests.support.dashboard_server import DashboardServer, dashboard_server
from tests.support.mart_house import config
from tests.support.owner import Owner, finished
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S

DAY = date(2024, 6, 10)
DATASETS = "communication_devices,inverter_data_points,energy_flows"
# The simulated account is in the past.
CLOCK_NOTICE = re.compile(r"This machine's clock was .* Synchronize the clock by NTP\.\n")
HOSTILE = "\"><script>alert('x')</script>\r\nX-Evil: 1; ../../x"


def owner_of(sim, folder, datasets=DATASETS):
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": datasets}
    return Owner(folder, settings, token=sim.token)


def backfill(owner, *days):
    done = owner.givlake("backfill", "--start", days[0], "--end", days[-1])
    assert done.status == 0, done.output


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    with Simulator(config()) as sim:
        owner = owner_of(sim, tmp_path_factory.mktemp("owner"))
        backfill(owner, DAY)
        yield owner


@pytest.fixture(scope="module")
def server(owner):
    with dashboard_server(settings_of(owner.settings)) as server:
        yield server


def test_the_page_and_its_files(server):
    page = server.get("/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for name, kind in (("dashboard.js", "text/javascript"), ("styles.css", "text/css")):
        file = server.get(f"/static/{name}")
        assert (file.status, file.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert file.headers["cache-control"] == "no-cache"
        tag = file.headers["etag"]
        again = server.get(f"/static/{name}", headers={"If-None-Match": tag})
        assert (again.status, again.body) == (304, b"")
        fixed = server.get(f"/static/{name}", {"v": tag.strip('"')})
        assert fixed.headers["cache-control"] == "max-age=31536000, immutable"
        assert f"/static/{name}?v={tag.strip(chr(34))}" in page.body.decode()
    # Nothing of the page names another host.
    assert not re.search(rb"(src|href)=[\"']?(https?:)?//", page.body)


def test_every_answer_has_the_headers(server):
    answers = [
        server.get("/"),
        server.get("/static/styles.css"),
        server.get("/api/about"),
        server.get("/api/charts", {"names": "enrgy"}),
        server.get("/nothing"),
        server.get("/static/../pyproject.toml"),
        server.get("/", host="evil.example"),
        server.get("/", method="POST"),
        server.get("/api/about", method="HEAD"),
    ]
    assert [each.status for each in answers] == [200, 200, 200, 400, 404, 404, 421, 405, 200]
    for answer in answers:
        assert {name: answer.headers[name.lower()] for name in HEADERS} == HEADERS
        assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]
    assert answers[2].headers["cache-control"] == "no-store"
    assert (answers[-1].body, int(answers[-1].headers["content-length"]) > 0) == (b"", True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_it_only_shows(server, method):
    for path in ("/", "/api/about", "/api/charts"):
        answer = server.get(path, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json() == {"error": "The dashboard only shows: use GET."}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80", "127.1.2.3"]
)
def test_names_of_this_machine_are_answered(server, host):
    assert server.get("/api/about", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8050", "localhost.evil.example", "192.168.0.2:8050", "",
     "127.0.0.1.evil.example", "127.0.0.1:x", "[::1", "[::2]:80", "localhost@evil.example"],
)  # fmt: skip
def test_other_names_are_refused(server, host):
    answer = server.get("/api/about", host=host)
    # HTTP itself wants the header.
    assert answer.status in ((400, 421) if host == "" else (421,))
    assert b"70001" not in answer.body


def test_in_a_network_addresses_and_the_own_name_are_answered_but_no_other_name():
    own = socket.gethostname()
    for host in ("192.168.0.2:8050", "[fe80::1]:8050", f"{own}:8050", "localhost"):
        assert is_own_host(host, is_local=False)
    assert not is_own_host("evil.example", is_local=False)
    assert not is_own_host(f"{own}.evil.example", is_local=False)


@pytest.mark.parametrize(
    ("path", "arguments", "sentence"),
    [
        ("/api/charts", {"names": "enrgy"}, "There is no chart 'enrgy'. Did you mean energy?"),
        ("/api/charts/energi", {}, "There is no chart 'energi'. Did you mean energy?"),
        ("/api/charts", {"names": "energy", "period": "x"},
         "period='x' is unknown: use one of day, week, month, year, all."),
        ("/api/charts/energy", {"date": "2025-13-01"},
         "date='2025-13-01' is no date: use the form 2025-06-01, from 1990 to 2199."),
        ("/api/charts/energy", {"format": "xlsx"},
         "format='xlsx' is unknown: use one of json, csv, parquet."),
        ("/api/charts/payback", {"capital": "nan"},
         "capital='nan' is no amount of money: use a number such as 8500."),
        ("/api/charts/energy", {"sql": "SELECT 1"},
         "The argument 'sql' is unknown: use some of of, period, date, compare, names, format,"
         " capital."),
        ("/api/about", {"x": "1"}, "The argument 'x' is unknown: leave it out."),
        ("/api/now", {"of": "site:1"},
         "of='site:1' is no site or inverter of this data folder. Did you mean site:70001?"),
    ],
)  # fmt: skip
def test_what_is_not_valid_is_said_in_a_sentence(server, path, arguments, sentence):
    answer = server.get(path, arguments)
    assert (answer.status, answer.json()) == (400, {"error": sentence})


@pytest.mark.parametrize("of", [HOSTILE, f"inverter:{HOSTILE}", "inverter:", "site", "x:70001"])
def test_other_devices_are_refused_and_echoed_as_data(server, of):
    answer = server.get("/api/charts/energy", {"of": of, "format": "csv"})
    assert answer.status == 400
    assert "is no site or inverter of this data folder" in answer.json()["error"]
    assert "x-evil" not in answer.headers


def test_what_the_account_has(server, owner):
    about = server.get("/api/about").json()
    (site,) = about["sites"]
    (inverter,) = site["inverters"]
    assert site["site"] == "70001"
    assert (inverter["role"], about["is_empty"], about["problems"]) == ("whole_site", False, [])
    assert days_of(about) == (DAY, 1)
    assert site["zone"] == "Europe/London"
    assert (about["currency"], about["has_tariff"], about["tariffs"]) == ("GBP", False, [])
    assert about["folder"] == owner.data.name
    assert about["last_fetched_at"].endswith("Z")


def test_the_first_page_shows_the_last_day_with_data(server):
    answer = server.get("/api/charts", {"names": "energy"}).json()
    assert answer["scope"]["of"] == "site:70001"
    assert answer["scope"]["period"] == "day"
    assert answer["scope"]["date"] == str(DAY + timedelta(days=1))
    assert answer["scope"]["data_version"] == server.get("/api/about").json()["data_version"]
    now = server.get("/api/now").json()
    assert now["data_version"] == answer["scope"]["data_version"]
    assert len(now["now"]["inverter_serial"]) == 1


def test_all_charts_at_once_and_packed(server):
    answer = server.get(
        "/api/charts", {"names": ",".join(chart_names())}, headers={"Accept-Encoding": "gzip"}
    )
    assert answer.headers["content-encoding"] == "gzip"
    assert b'"error"' not in gzip.decompress(answer.body)


def test_files_hold_the_rows_of_the_json(server):
    arguments = {"of": "site:70001", "period": "month", "date": DAY}
    for name in ("energy", "half_hours", "power", "car", "missing", "totals"):
        chart = server.get(f"/api/charts/{name}", arguments).json()["charts"][name]
        file = server.get(f"/api/charts/{name}", {**arguments, "format": "csv"})
        assert file.headers["content-disposition"] == (
            f'attachment; filename="givlake-{name}-70001-2024-06.csv"'
        )
        header, *rows = csv.reader(io.StringIO(file.body.decode()))
        assert header == list(chart["columns"])
        assert len(rows) == chart["rows"]
        for row, *values in zip(rows, *chart["columns"].values(), strict=True):
            shown = ["" if value is None else str(value) for value in values]
            assert [cell.lower() for cell in row] == [each.lower() for each in shown]
        parquet = server.get(f"/api/charts/{name}", {**arguments, "format": "parquet"})
        table = pq.read_table(io.BytesIO(parquet.body))
        assert table.column_names == header
        assert table.num_rows == chart["rows"]


@pytest.mark.slow
def test_without_data_every_chart_is_empty(tmp_path):
    for folder in (tmp_path / "absent", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        with dashboard_server(settings_of({"GIVLAKE_DATA": str(folder)})) as server:
            about = server.get("/api/about").json()
            assert (about["is_empty"], about["sites"], about["problems"]) == (True, [], [])
            charts = server.charts(*chart_names())
            assert {name: chart.get("rows") for name, chart in charts.items()} == dict.fromkeys(
                chart_names(), 0
            )
            assert server.get("/api/charts/energy", {"format": "csv"}).status == 200
            assert server.get("/api/now").json()["now"]["time"] == []
            assert server.get("/").status == 200
        assert folder.exists() == (folder.name == "empty")
        assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "program"), [(None, "givlake"), ("north", "givlake --account north")]
)
def test_commands_on_the_page_are_about_the_account(tmp_path, monkeypatch, name, program):
    (tmp_path / "north.env").touch()
    monkeypatch.setenv(ACCOUNTS_FOLDER, str(tmp_path))
    if name is not None:
        monkeypatch.setenv(NAME, name)
    data = DashboardData(settings_of({"GIVLAKE_DATA": str(tmp_path / "data")}))
    assert data.about()["program"] == program


def test_a_folder_that_cannot_be_read_is_said_in_a_sentence(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with dashboard_server(settings_of({"GIVLAKE_DATA": str(file)})) as server:
        (problem,) = server.get("/api/about").json()["problems"]
        assert problem == f"GIVLAKE_DATA is {str(file)!r}: Not a directory: use another folder."
        answer = server.get("/api/charts", {"names": "energy"})
        assert (answer.status, answer.json()) == (503, {"error": problem})


@pytest.mark.slow
def test_new_data_are_seen_without_a_new_start(tmp_path):
    with Simulator(config()) as sim:
        owner = owner_of(sim, tmp_path)
        with dashboard_server(settings_of(owner.settings), reopen_every_s=0) as server:
            assert server.get("/api/about").json()["is_empty"] is True
            backfill(owner, DAY)
            first = until(lambda: server.get("/api/about").json(), lambda it: not it["is_empty"])
            month = {"period": "month", "date": DAY}
            assert server.charts("totals", **month)["totals"]["columns"]["days"][0] == 1
            backfill(owner, DAY, DAY + timedelta(days=1))
            until(
                lambda: server.get("/api/about").json(),
                lambda it: it["data_version"] != first["data_version"] and days_of(it) == (DAY, 2),
            )
            assert server.charts("totals", **month)["totals"]["columns"]["days"][0] == 2


def days_of(about):
    """Return the first day with data and the number of days, of which the last has one half hour.

    A range of flows has the half hour that begins at its end.
    """
    (site,) = about["sites"]
    first, last = (date.fromisoformat(site[f"{name}_date"]) for name in ("first", "last"))
    return first, (last - first).days


def until(look, is_right):
    end = time.monotonic() + TIMEOUT_S
    while not is_right(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_nothing_changes_while_nothing_is_written(owner):
    with dashboard_server(settings_of(owner.settings), reopen_every_s=0) as server:
        before = sorted((path, path.stat().st_mtime_ns) for path in owner.data.rglob("*"))
        versions = {server.get("/api/about").json()["data_version"]}
        server.charts(*chart_names())
        time.sleep(1.1)
        versions |= {server.get("/api/about").json()["data_version"]}
        assert len(versions) == 1
        assert sorted((path, path.stat().st_mtime_ns) for path in owner.data.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.processes
def test_no_error_while_a_backfill_writes(tmp_path):
    with Simulator(config(inverters=2)) as sim:
        owner = owner_of(sim, tmp_path)
        backfill(owner, DAY)
        with dashboard_server(settings_of(owner.settings), reopen_every_s=0) as server:
            process = owner.start(
                "backfill", "--start", DAY - timedelta(days=60), "--end", DAY + timedelta(days=60)
            )
            errors, answers = [], []

            def click(period):
                while process.poll() is None:
                    answer = server.get(
                        "/api/charts",
                        {"names": ",".join(chart_names()), "period": period, "date": DAY},
                    )
                    answers.append(answer.status)
                    if answer.status != 200 or b'"error"' in answer.body:
                        errors.append(answer.body[-2000:])

            until(
                lambda: server.get("/api/now").json()["ingestion"],
                lambda it: it["is_running"] and it["since"] is not None,
            )
            threads = [threading.Thread(target=click, args=[each]) for each in ("month", "all")]
            for thread in threads:
                thread.start()
            done = finished(process)
            for thread in threads:
                thread.join()
            assert done.status == 0, done.output
            assert errors == []
            assert answers


@pytest.mark.slow
def test_an_account_of_2000_inverters(tmp_path):
    with Simulator(config(inverters=2_000)) as sim:
        owner = owner_of(sim, tmp_path, "communication_devices")
        done = owner.givlake("sync")
        assert done.status == 0, done.output
        with dashboard_server(settings_of(owner.settings)) as server:
            answer = server.get("/api/about")
            inverters = [each for site in answer.json()["sites"] for each in site["inverters"]]
            assert len(inverters) == 2_000
            assert len(answer.body) <= 300_000
            assert server.charts("totals", "energy", "now")["totals"]["rows"] == 3


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(owner, number):
    process = owner.start("dashboard", "--port", "0")
    try:
        line = process.stdout.readline().decode()
        address = re.fullmatch(
            rf"Dashboard: http://127\.0\.0\.1:(\d+) \(data in {re.escape(str(owner.data))}\)\."
            r" Press Ctrl-C to stop\.\n",
            line,
        )
        assert address, line
        assert DashboardServer(int(address[1])).get("/api/about").json()["is_empty"] is False
        process.send_signal(number)
    finally:
        done = finished(process)
    assert (done.status, done.out, CLOCK_NOTICE.sub("", done.err)) == (0, "", "Stopping…\n")


def test_a_port_in_use_is_said_in_a_sentence(owner):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = owner.givlake("dashboard", "--port", port)
    assert done.status == 2
    assert done.err == (
        f"givlake: Nothing can listen at 127.0.0.1, port {port} (Address already in use): stop the"
        f" program that uses it (`ss -ltnp | grep {port}` names it), or choose another port with"
        " --port.\n"
    )


@pytest.mark.slow
@pytest.mark.processes
def test_the_default_port_may_be_taken(owner):
    try:
        taken = socket.create_server(("127.0.0.1", 8050))
    except OSError:
        taken = None  # by another program, which is as good
    process = owner.start("dashboard")
    try:
        first, second = (process.stdout.readline().decode() for _ in range(2))
        chosen = int(re.search(r"http://127\.0\.0\.1:(\d+) ", second)[1])
        assert chosen > 8050
        assert first == f"Port 8050 is in use, so the dashboard has port {chosen}.\n"
    finally:
        process.send_signal(signal.SIGTERM)
        done = finished(process)
        if taken is not None:
            taken.close()
    assert done.status == 0


def test_modules_are_joined_in_the_order_of_their_imports():
    texts = {
        "main.js": 'import {a} from "./a.js";\nimport { b,\n c } from "./b.js";\nb(a);\n',
        "a.js": 'import {b} from "./b.js";\nexport const a = b(1);\n',
        "b.js": "export function b(x) { return x; }\nexport async function c() {}\n",
    }
    script = joined(texts)
    assert "import" not in script
    assert "export" not in script
    assert script.index("function b(x)") < script.index("const a") < script.index("b(a);")
    assert script.count("function b(x)") == 1


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"main.js": 'import {a} from "./a.js";\n'}, "main.js imports no module a.js"),
        ({"main.js": 'import {a} from "./a.js";\nconst b = 1;\n',
          "a.js": "export function b() {}\n"},
         "a.js and main.js both have the top-level name 'b'"),
        ({"main.js": 'import {a} from "./a.js";\n', "a.js": 'import {x} from "./main.js";\n'},
         "these modules import each other: main.js, a.js, main.js"),
        ({"main.js": 'import * as a from "./a.js";\n'},
         "main.js has 'import * as a from \"./a.js\";', which cannot be joined"),
        ({"main.js": "export default 1;\n"},
         "main.js has 'export default 1;', which cannot be joined"),
    ],
)  # fmt: skip
def test_modules_that_cannot_be_joined(texts, fault):
    with pytest.raises(ValueError, match=re.escape(fault)):
        joined(texts)


def test_the_old_rows_are_read_until_the_new_ones_are_in_memory(owner, tmp_path):
    data = DashboardData(settings_of(owner.settings), reopen_every_s=0)
    reader = data._reader
    try:
        scope, _ = data.scope({"period": "month", "date": str(DAY)})
        data.rows("energy", scope, {})
        with reader.reading() as before:
            assert before.kept is not None
            used = before.kept.used_last()
        (owner.data / "index" / "coverage").touch()
        manifest = next((owner.data / "index" / "manifests").iterdir())
        manifest.touch()
        reader._looked_at = float("-inf")
        reader._opened_at = float("-inf")
        with reader.reading() as meanwhile:
            assert meanwhile is before
            renewal = reader._renewal
        assert renewal is not None
        renewal.join(TIMEOUT_S)
        with reader.reading() as after:
            assert after is not before
            assert after.data_version != before.data_version
            # In the same order or another, it has the same tables.
            assert after.kept is not None
            assert set(after.kept.used_last()[1]) == set(used[1])
    finally:
        data.close()


@pytest.mark.slow
def test_data_that_vanish_are_no_new_account(tmp_path):
    with Simulator(config()) as sim:
        owner = owner_of(sim, tmp_path)
        backfill(owner, DAY)
        with dashboard_server(settings_of(owner.settings), reopen_every_s=0) as server:
            assert server.get("/api/about").json()["is_empty"] is False
            owner.data.rename(tmp_path / "elsewhere")
            about = until(
                lambda: server.get("/api/about").json(),
                lambda it: any("are gone" in problem for problem in it["problems"]),
            )
            assert str(owner.data) in about["problems"][0]
