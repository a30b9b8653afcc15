"""The report of a house: what it requests (nothing), its size and its hash."""

import base64
import gzip
import hashlib
import io
import json
import re
import shutil
from contextlib import redirect_stdout
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pytest

from pipelines.reports.report_data import rounded_charts, script_json
from tests.support.html_tables import addresses_of, tables_of
from tests.support.owner import Owner
from tests.support.report_house import june_of, report_house

DOCUMENT = Path(__file__).parents[2] / "docs" / "report.md"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Give a house with days that are not whole, and a tariff."""
    with report_house(tmp_path_factory) as house:
        yield house


@pytest.fixture(scope="module")
def june(house):
    """Give the report of June."""
    return june_of(house)


def printed_hash(done) -> str:
    """Return the hash that the command prints."""
    return re.search(r"SHA-256 of its rows: ([0-9a-f]{64})", done.out)[1]


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
