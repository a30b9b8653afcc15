"""The report of a house: its tables, its hash, what it requests (nothing), and how it is sent."""

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
from contextlib import redirect_stdout
from datetime import UTC, date, datetime
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import pytest

from pipelines.reports.report_data import rounded_charts, script_json
from pipelines.reports.report_period import last_whole, period_of, read_period
from pipelines.reports.report_tables import ReportTables
from pipelines.reports.site_reports import notes_on_unsent
from pipelines.settings_file import SettingsError
from simulator import Simulator
from tests.support.html_tables import addresses_of, tables_of
from tests.support.http_listener import listening
from tests.support.mart_house import DATASETS, NOON_LOST, UNKNOWN, config, fill, house_settings
from tests.support.owner import Owner
from tests.support.settings import settings_of

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
TARIFF = """
name = "go"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""
DOCUMENT = Path(__file__).parents[2] / "docs" / "report.md"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Give a house with days that are not whole, and a tariff."""
    with Simulator(house_settings()) as sim:
        house = fill(sim, tmp_path_factory.mktemp("owner"))
        file = house.owner.folder / "go.toml"
        file.write_text(TARIFF)
        assert house.owner.givlake("tariffs", "load", file).status == 0
        assert house.owner.givlake("tariffs", "use", "go", "--from", "2024-01-01").status == 0
        yield house


@pytest.fixture(scope="module")
def june(house):
    """Give the report of June."""
    done = house.owner.givlake("report", "--month", "2024-06")
    assert done.status == 0, done.output
    (file,) = house.owner.folder.glob("givlake-report-*-2024-06.html")
    return file.read_text(encoding="utf-8")


def printed_hash(done) -> str:
    """Return the hash that the command prints."""
    return re.search(r"SHA-256 of its rows: ([0-9a-f]{64})", done.out)[1]


def number(text: str) -> float | None:
    """Return the number in a cell."""
    digits = text.replace(",", "").replace(MINUS, "-").replace("£", "").replace(" %", "")
    return None if text == DASH else float(digits)


def close(value: float | None):
    """Compare with a value that is shown with two decimals."""
    return None if value is None else pytest.approx(value, abs=0.0051)


def test_the_plain_tables_have_the_figures_of_the_marts(house, june):
    tables = tables_of(june)
    days = house.owner.sql(
        "SELECT * FROM site_daily WHERE local_date BETWEEN '2024-06-01' AND '2024-06-30'"
        " ORDER BY local_date"
    )
    energy = tables["Energy, kWh"]
    shown = {row[0]: dict(zip(energy[0][1:], row[1:], strict=True)) for row in energy[1:]}
    assert len(shown) == 30
    assert NOON_LOST in [day["local_date"] for day in days]
    for day in days:
        row = shown[f"{day['local_date']:%a} {day['local_date'].day} Jun"]
        for title, column in {
            "solar": "solar_kwh", "import": "import_kwh", "export": "export_kwh",
            "into battery": "charge_kwh", "out of battery": "discharge_kwh",
        }.items():  # fmt: skip
            assert number(row[title]) == close(day[column]), (day["local_date"], title)
        assert row["whole"] == ("yes" if day["is_complete"] else "no")
    assert shown[f"{UNKNOWN:%a} 14 Jun"]["solar"] == DASH
    sums = {row[0]: row[1:] for row in tables["Sums"][1:]}
    assert tables["Sums"][0][1] == "June 2024"
    known = [day["solar_kwh"] for day in days if day["solar_kwh"] is not None]
    assert number(sums["Solar, kWh"][0]) == close(sum(known))
    whole = sum(day["is_complete"] for day in days)
    assert sums["Whole"][0] == sums["Solar, kWh"][1] == f"{whole} of 30 days"
    assert f"<p>{whole} of 30 days are whole.</p>" in june
    (cost,) = house.owner.sql(
        "SELECT sum(net_cost_gbp) AS net, sum(saved_gbp) AS saved FROM cost_daily"
        " WHERE local_date BETWEEN '2024-06-01' AND '2024-06-30'"
    )
    assert number(sums["Net cost"][0]) == close(cost["net"])
    assert number(sums["Saved by solar and battery"][0]) == close(cost["saved"])


def test_numbers_are_aligned_and_the_document_is_whole_without_scripts(june):
    assert june.startswith("<!doctype html>") or june.startswith("<!DOCTYPE html>")
    assert '<details class="report-part" id="report-figures" open>' in june
    assert '<th scope="col" class=number>solar</th>' in june
    assert len(tables_of(june)) >= 5


def test_nothing_in_it_is_requested_and_only_its_own_scripts_may_run(june):
    assert [text for text in addresses_of(june) if not text.startswith(("#", "data:"))] == []
    assert "@import" not in june
    assert not re.search(r"url\((?!['\"]?(?:data:|#))", june.partition("<script")[0])
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', june)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    (ours,) = re.findall(r"<script>(.*?)</script>", june, re.DOTALL)
    packed = re.search(r'id="report-scripts">(.*?)</script>', june)[1]
    scripts = [ours, gzip.decompress(base64.b64decode(packed)).decode()]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in scripts]
    assert re.findall(r"'sha256-([^']+)'", policy) == [text.decode() for text in hashes]
    assert june.index("Content-Security-Policy") < june.index("<style")
    assert "is-report" in re.search(r"<body[^>]*>", june)[0]


def test_the_data_are_those_of_the_charts(house, june):
    text = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', june)[1]
    data = json.loads(text)
    assert data["scope"]["start"] == "2024-06-01"
    assert data["charts"]["energy"]["columns"]["days"].count(1) == sum(
        row["is_complete"]
        for row in house.owner.sql(
            "FROM site_daily WHERE strftime(local_date, '%Y-%m') = '2024-06'"
        )
    )
    assert not {"now", "power"} & data["charts"].keys()


def test_hostile_names_stay_text():
    totals = {"range": ["shown"], "start_date": ["2024-06-01"], "solar_kwh": [1.25],
              "days": [1], "days_expected": [1]}  # fmt: skip
    events = {"started_at": ["2024-06-10T09:00:00Z"], "inverter_serial": [HOSTILE],
              "event": [HOSTILE], "duration_s": [90_000], "is_open": [False]}  # fmt: skip
    calendar = {"dataset": [HOSTILE], "state": [HOSTILE]}
    charts = {
        "totals": {"columns": totals},
        "events": {"columns": events},
        "calendar": {"columns": calendar},
        "cost": {"error": HOSTILE},
    }
    scope = {"currency": "GBP", "zone": "Europe/London", "bucket": "day"}
    tables = ReportTables(charts, scope, read_period("month", "2024-06"))
    html = tables.html() + tables.states()
    assert "<script" not in html
    assert "<img" not in html
    (row,) = tables_of(html)["Events of the inverters"][1:]
    assert row == ["Mon 10 Jun 2024, 10:00", HOSTILE, HOSTILE, "25 h 00 min", "no"]
    assert "<" not in script_json({"charts": rounded_charts(charts)})
    assert json.loads(script_json({"x": HOSTILE})) == {"x": HOSTILE}


def test_a_house_without_a_battery_or_a_tariff_has_no_tables_of_them():
    totals = {"range": ["shown"], "start_date": ["2024-06-01"], "solar_kwh": [1.25],
              "charge_kwh": [0.0], "discharge_kwh": [0.0], "net_cost_gbp": [None],
              "days": [1], "days_expected": [30]}  # fmt: skip
    energy = {"bucket_start": ["2024-06-01", "2024-06-02"], "solar_kwh": [1.25, None],
              "charge_kwh": [0.0, None], "days": [1, 0], "days_expected": [1, 0]}  # fmt: skip
    cost = {"bucket_start": ["2024-06-01"], "net_cost_gbp": [None],
            "days": [0], "days_expected": [1]}  # fmt: skip
    battery = {"bucket_start": ["2024-06-01"], "inverter_serial": ["SIM1"],
               "charge_kwh": [0.0], "hours_empty": [24.0]}  # fmt: skip
    flows = {"from_node": ["solar", "solar"], "to_node": ["home", "battery"],
             "energy_kwh": [1.25, 0.0], "share_of_source": [1.0, 0.0],
             "days": [1, 1], "days_expected": [30, 30]}  # fmt: skip
    charts = {"totals": totals, "energy": energy, "cost": cost, "battery": battery, "flows": flows}
    answers = {name: {"columns": columns} for name, columns in charts.items()}
    scope = {"currency": "EUR", "zone": "Europe/Paris", "bucket": "day"}
    tables = ReportTables(answers, scope, read_period("month", "2024-06"))
    assert tables_of(tables.html()) == {
        "Sums": [["", "June 2024", ""], ["Solar, kWh", "1.25", "1 of 30 days"],
                 ["Whole", "1 of 30 days", ""]],
        "From where to where (1 of 30 days)": [
            ["", "to home, kWh", "of its source"], ["from solar", "1.25", "100 %"]],
        "Energy, kWh": [["", "solar", "whole"], ["Sat 1 Jun", "1.25", "yes"],
                        ["Sun 2 Jun", DASH, DASH]],
    }  # fmt: skip
    assert [*tables.sentences()] == ["Solar: 1.25 kWh", "Whole: 1 of 30 days"]


@pytest.mark.slow
def test_a_hostile_event_of_the_api_stays_text(tmp_path):
    with Simulator(config()) as sim:
        owner = Owner(tmp_path, {"GIVENERGY_API_URL": sim.base_url,
                                 "GIVLAKE_DATASETS": ",".join(DATASETS)}, sim.token)  # fmt: skip
        event = {"event": HOSTILE, "start_time": "2024-06-10T09:00:00Z",
                 "end_time": "2024-06-10T10:00:00Z"}  # fmt: skip
        sim.set_listing("events", sim.serials[0], [event])
        assert owner.givlake("backfill", "--start", "2024-06-09", "--end", "2024-06-11").status == 0
        done = owner.givlake("report", "--month", "2024-06", "--to", "june.html")
    assert done.status == 0, done.output
    html = (tmp_path / "june.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert "<img src=x" not in html
    assert HOSTILE in [row[2] for row in tables_of(html)["Events of the inverters"]]


def test_numbers_are_rounded_as_they_are_shown():
    columns = {
        "solar_kwh": [0.123456, None, float("nan"), 2.0],
        "solar_w": [12.6],
        "share_of_source": [0.123456],
        "name": ["a"],
    }
    charts = {"one": {"columns": columns, "rows": 4, "reads": ["x"]}, "two": {"error": "e"}}
    assert rounded_charts(charts) == {
        "one": {
            "columns": {
                "solar_kwh": [0.123, None, None, 2],
                "solar_w": [13],
                "share_of_source": [0.1235],
                "name": ["a"],
            },
            "rows": 4,
        },
        "two": {"error": "e"},
    }
    hours = rounded_charts({"map": {"columns": {"solar_kwh": [0.126, None, 3.0] * 1000}}})
    assert hours["map"]["columns"]["solar_kwh"] == [0.13, None, 3] * 1000


@pytest.mark.slow
def test_the_hash_is_that_of_the_rows(house, june, tmp_path):
    owner = house.owner
    report = ("report", "--month", "2024-06", "--to", tmp_path / "one.html")
    first = printed_hash(owner.givlake(*report))
    assert f"<code>{first}</code>" in june
    # A copy of the folder, whose tables are made anew.
    other = Owner(tmp_path, {**owner.settings, "GIVLAKE_DATA": str(tmp_path / "data")}, None)
    shutil.copytree(owner.data, other.data)
    assert other.givlake("rebuild").status == 0
    copied = ("report", "--month", "2024-06", "--to", tmp_path / "two.html")
    assert printed_hash(other.givlake(*copied)) == first
    # From an export, by the script in the document.
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    named = re.search(r"Rows of (.*?) on these days", june)[1].split(", ")
    devices = [word for device in named for word in ("--device", device)]
    days = ("--start", "2024-06", "--end", "2024-06")
    assert other.givlake("export", "--to", tmp_path / "export", *devices, *days).status == 0
    said = io.StringIO()
    arguments = ["script", str(tmp_path / "export" / "manifest.json")]
    with patch("sys.argv", arguments), redirect_stdout(said):
        exec(compile(code, "docs/report.md", "exec"), {})
    assert said.getvalue().strip() == first
    # Another row, and other days.
    day = date(2024, 6, 9)
    rows = house.sim.truth(house.serial, day)
    rows[10]["power"]["solar"]["power"] += 1
    other.settings["GIVENERGY_API_TOKEN"] = house.sim.token
    house.sim.set_rows(house.serial, day, rows)
    try:
        done = other.givlake("backfill", "--refetch", "--start", day, "--end", day)
    finally:
        house.sim.set_rows(house.serial, day, None)
    assert done.status == 0, done.output
    assert printed_hash(other.givlake(*copied, "--overwrite")) != first
    assert printed_hash(owner.givlake("report", "--week", "2024-W24", "--to", "w.html")) != first


def test_a_year_of_five_inverters_is_at_most_a_megabyte_and_a_half(june):
    """The most rows that the charts of a year can have, of digits that nothing can shorten."""
    page = len(june.encode()) - len(re.search(r'id="report-data">(.*?)</script>', june)[1])
    hours, days = 8784, 366
    kwh = [round(0.001 + (number * 0.7919) % 9.99, 5) for number in range(hours)]
    dates = [f"2024-{1 + day // 31:02}-{1 + day % 31:02}" for day in range(days)]
    moments = [f"{day}T{number % 24:02}:17:31Z" for number, day in enumerate(dates * 2)][:500]
    charts = {
        "heat_map": {
            "local_date": [day for day in dates for _ in range(24)],
            "hour": [*range(24)] * days,
            **{f"{name}_kwh": kwh for name in ("solar", "home", "import", "export")},
        },
        "battery": {
            "bucket_start": [f"2024-{month:02}-01" for month in range(1, 13) for _ in range(5)],
            "inverter_serial": [f"SIM000G{number:03}" for number in range(5)] * 12,
            **{f"figure_{number}_kwh": kwh[:60] for number in range(16)},
        },
        "car_sessions": {
            "charger_uuid": ["2c561be6-b683-4ab2-a4c9-cb0b42d48688"] * 500,
            "charger": ["Drive"] * 500,
            **dict.fromkeys(("started_at", "started_local", "stopped_at"), moments),
            **{f"figure_{number}_kwh": kwh[:500] for number in range(8)},
        },
        "events": {
            "inverter_serial": [f"SIM000G{number % 5:03}" for number in range(500)],
            "event": [f"Grid Voltage Too High {number % 9}" for number in range(500)],
            **dict.fromkeys(("started_at", "ended_at"), moments),
            "duration_s": [*range(500)],
        },
        "calendar": {
            "dataset": [f"a_dataset_of_the_account_{number}" for number in range(8) for _ in dates],
            "local_date": dates * 8,
            "state": ["complete", "partial"] * (days * 4),
            **{name: [5, 4] * (days * 4) for name in ("devices", "devices_complete")},
        },
        "deviations": {
            "inverter_serial": [f"SIM000G{number % 5:03}" for number in range(1000)],
            "local_date": (dates * 3)[:1000],
            "figure_kwh": kwh[:1000],
        },
        "typical_day": {f"figure_{number}_w": kwh[:48] for number in range(9)},
    }
    sized = {name: {"columns": columns, "sql": "x" * 4000} for name, columns in charts.items()}
    more = {f"chart_{number}": {"columns": {}, "sql": "x" * 4000} for number in range(14)}
    data = script_json(rounded_charts(sized | more))
    assert page + len(data.encode()) <= 1_500_000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--month", "2024-13"),
            "--month: '2024-13' is not a month: write a month such as 2025-06",
        ),
        (("--month", "June"), "--month: 'June' is not a month"),
        (("--year", "24"), "--year: '24' is not a year: write a year such as 2025."),
        (("--week", "2024-W54"), "--week: '2024-W54' is not a week: write a week such as 2025-W23"),
        (("--week", "2024-W24", "--year", "2024"), "--year and --week exclude each other"),
        (("--month", "2099-01"), "January 2099 has not begun: today is 20"),
        (("--month", "2023-05"), "There are no data of site"),
        (("--site", "99"), "Unknown site '99'. There are"),
        (("--device", "nobody"), "Unknown device 'nobody'"),
        (("--site", "1", "--device", "2"), "--site and --device exclude each other"),
        (("--month", "2024-06", "--to", "nowhere/june.html"), "there is no folder"),
        (("--send",), "No alert channel is set: set GIVLAKE_ALERT_URLS"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_sentence(house, options, says):
    done = house.owner.givlake("report", *options)
    assert (done.status, "Traceback" in done.output) == (2, False)
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_charger_has_no_report_and_an_inverter_has_one(house, tmp_path):
    (row,) = house.owner.sql("SELECT DISTINCT charger_uuid FROM ev_chargers")
    done = house.owner.givlake("report", "--device", row["charger_uuid"])
    assert done.status == 2
    assert "is no inverter: reports are of sites and of inverters, such as" in done.err
    file = tmp_path / "one.html"
    june = ("report", "--device", house.serial.lower(), "--month", "2024-06", "--to", file)
    assert house.owner.givlake(*june).status == 0
    assert f"<h1>Inverter {house.serial}, June 2024</h1>" in file.read_text(encoding="utf-8")
    done = house.owner.givlake(*june)
    assert (done.status, "it exists" in done.err) == (2, True)
    assert house.owner.givlake(*june, "--overwrite").status == 0


def test_a_folder_without_data_has_no_report(tmp_path):
    owner = Owner(tmp_path, {}, token=None)
    done = owner.givlake("report")
    assert (done.status, "No data in" in done.err) == (2, True)
    assert not owner.data.exists()


@pytest.mark.slow
def test_of_several_sites_one_is_named(tmp_path):
    accounts = config(children=2, children_devices_listed=True)
    with Simulator(accounts) as sim:
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
        owner = Owner(tmp_path, settings, sim.token)
        owner.givlake("backfill", "--start", "2024-06-09", "--end", "2024-06-09")
        sites = [row["site"] for row in owner.sql("SELECT DISTINCT site FROM site_members")]
        assert len(sites) == 3
        done = owner.givlake("report", "--month", "2024-06")
    assert done.status == 2
    assert f"There are {len(sites)} sites: name one with --site, such as" in done.err


@pytest.mark.slow
def test_it_is_sent_with_the_file_and_the_key_figures(house, june):
    with listening() as listener:
        url = listener.url()
        with patch.dict(house.owner.settings, {"GIVLAKE_ALERT_URLS": url}):
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
            assert (done.status, done.err) == (0, "")
            (message,) = listener.heard
            assert message["title"].endswith(", June 2024")
            lines = message["message"].splitlines()
            assert re.fullmatch(r"Solar: [\d.]+ kWh", lines[0])
            assert re.fullmatch(r"Whole: \d+ of 30 days", lines[-1])
            (file,) = message["attachments"]
            assert re.fullmatch(r"givlake-report-\w+-2024-06\.html", file["filename"])
            assert file["mimetype"] == "text/html"
            sent = base64.b64decode(file["base64"]).decode()
            assert tables_of(sent) == tables_of(june)
            assert "1 message sent." in done.out
            listener.status = 500
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert done.status == 1
    assert "address 1 of GIVLAKE_ALERT_URLS (json://…) rejected the report" in done.err
    assert str(listener.port) not in done.output


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"GIVLAKE_ALERT_APP": "1"},
                                      {"GIVLAKE_ALERT_URLS": "xbmc://127.0.0.1"}])  # fmt: skip
def test_channels_that_take_no_file_are_not_enough(house, settings):
    with patch.dict(house.owner.settings, settings):
        done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert done.status == 1
    assert "None of the alert channels can take a file" in done.err
    assert house.sim.notifications == []


@pytest.mark.slow
def test_beside_one_that_takes_files_the_app_is_left_out(house):
    with listening() as listener:
        settings = {"GIVLAKE_ALERT_APP": "1", "GIVLAKE_ALERT_URLS": listener.url()}
        with patch.dict(house.owner.settings, settings):
            done = house.owner.givlake("report", "--month", "2024-06", "--send")
    assert (done.status, done.err, len(listener.heard)) == (0, "", 1)
    assert house.sim.notifications == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "now", "label"),
    [
        ("monthly", datetime(2024, 7, 1, 7, 30, tzinfo=UTC), "2024-06"),
        ("weekly", datetime(2024, 6, 17, 7, 30, tzinfo=UTC), "2024-W24"),
    ],
)
def test_dagster_sends_the_last_whole_period_once(house, every, now, label):
    with listening() as listener:
        settings = {"GIVLAKE_ALERT_URLS": listener.url(), "GIVLAKE_REPORT": every}
        with (
            patch.dict(house.owner.settings, settings),
            house.owner.dagster() as (definitions, instance),
        ):
            schedule = definitions.resolve_schedule_def(f"send_report_{every}")
            assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING

            def request():
                with dg.build_schedule_context(instance, scheduled_execution_time=now) as context:
                    (found,) = schedule.evaluate_tick(context).run_requests
                return found

            found = request()
            assert found.run_key == request().run_key == f"report {label}"
            job = definitions.resolve_job_def("send_report")
            done = job.execute_in_process(instance=instance, run_config=found.run_config)
            assert done.success
            (message,) = listener.heard
            assert label in message["attachments"][0]["filename"]
            listener.status = 500
            failed = job.execute_in_process(
                instance=instance, run_config=found.run_config, raise_on_error=False
            )
            assert not failed.success
            assert listener.url() not in str([*instance.all_logs(failed.run_id)])


def test_without_the_setting_or_a_channel_dagster_sends_nothing(house):
    with house.owner.dagster() as (definitions, instance):
        assert not [one for one in definitions.schedules if "report" in one.name]
        assert not [job for job in definitions.jobs if job.name == "send_report"]
    with (
        patch.dict(house.owner.settings, {"GIVLAKE_REPORT": "weekly"}),
        house.owner.dagster() as (definitions, instance),
    ):
        schedule = definitions.resolve_schedule_def("send_report_weekly")
        now = datetime(2024, 6, 17, 7, 30, tzinfo=UTC)
        with dg.build_schedule_context(instance, scheduled_execution_time=now) as context:
            tick = schedule.evaluate_tick(context)
    assert tick.run_requests == []
    assert "No alert channel is set" in tick.skip_message


def test_of_many_sites_a_message_says_that_others_are_not_sent():
    names = [f"7{number:04}" for number in range(1520)]
    assert notes_on_unsent(names[:20]) == []
    assert notes_on_unsent(names) == [
        "Only the reports of the first 20 sites are sent; make those of the other 1,500 with"
        " givlake report --site."
    ]


def test_the_setting_is_checked():
    with pytest.raises(SettingsError, match="GIVLAKE_REPORT is 'daily': use weekly or monthly"):
        settings_of({"GIVLAKE_REPORT": "daily"})
    assert settings_of({}).report is settings_of({"GIVLAKE_REPORT": "off"}).report is None
    assert settings_of({"GIVLAKE_REPORT": "Weekly"}).report == "weekly"


def test_periods():
    week = read_period("week", "2025-W01")
    assert (week.first, week.last) == (date(2024, 12, 30), date(2025, 1, 5))
    assert (week.label, week.title) == ("2025-W01", "Week 1 of 2025")
    leap = read_period("month", "2024-02")
    assert (leap.first, leap.last, leap.title) == (
        date(2024, 2, 1), date(2024, 2, 29), "February 2024",
    )  # fmt: skip
    assert read_period("year", "2024").last == date(2024, 12, 31)
    assert last_whole("month", date(2025, 1, 1)).label == "2024-12"
    assert last_whole("week", date(2025, 1, 5)).label == "2024-W52"
    assert last_whole("week", date(2025, 1, 6)).label == "2025-W01"
    assert last_whole("year", date(2025, 1, 1)) == period_of("year", date(2024, 7, 1))
