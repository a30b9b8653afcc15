"""What `givlake import` makes of files that are damaged, foreign, or say only half of it."""

import csv
import gzip
import io
import json
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import saved_history as saved
from tests.support.saved_history import Saver, write

SERIAL = "CE0000G001"
SHARED = Path(os.environ.get("GIVLAKE_SHARED", "/nonexistent"))
DAY = date(2025, 3, 1)


def point(minute: int, **power: object) -> dict[str, object]:
    """Return a data point of the day."""
    return {
        "time": f"{DAY}T{minute // 60:02d}:{minute % 60:02d}:00Z",
        "status": "NORMAL",
        "power": {"solar": {"power": minute, **power}},
        "today": {},
        "total": {},
        "is_metered": True,
    }


POINTS = [point(5 * number) for number in range(10)]


@pytest.fixture
def owner(own, simulate):
    made = own(simulate(inverters=1))
    made.settings.pop("GIVENERGY_API_TOKEN")
    return made


@pytest.fixture
def files(tmp_path):
    return tmp_path / "saved"


@pytest.fixture
def imported(owner, files):
    """Import the folder of files; return the status and what was said."""

    def run(*arguments: object) -> tuple[int, str]:
        done = owner.givlake("import", files, *arguments)
        assert "Traceback" not in done.output
        return done.status, done.out

    return run


def solar(owner) -> list[float]:
    rows = owner.sql("SELECT solar_power_w FROM inverter_data_points ORDER BY time")
    return [row["solar_power_w"] for row in rows]


def test_what_is_no_history_is_named_file_by_file(owner, files, imported):
    write(files / "empty.json", b"")
    write(files / "spaces.json", b" \n")
    write(files / "text.md", b"# Notes\n")
    write(files / "binary.dat", bytes(range(256)))
    write(files / "page.html", b"<html><title>Login</title></html>")
    write(files / "cut.json", json.dumps({"data": POINTS}).encode()[:400])
    write(files / "deep.json", b"[" * 200_000)
    write(files / "foreign.json", {"name": "x", "version": 3})
    write(files / "number.json", b"5")
    write(files / "refusal.json", {"message": "Unauthenticated."})
    write(files / "chargers.json", {"data": [], "meta": {"path": "https://x/v1/ev-charger"}})
    reduced = {"t": "00:05", "pv": 1, "cons": 2, "bat": 3, "soc": 4, "grid": 5, "temp": 6}
    day = {"date": str(DAY), "serial": SERIAL, "data_points": [reduced]}
    write(files / "reduced.json", day)
    write(files / "archive.zip", b"PK\x03\x04 and nothing more")
    write(files / "squeezed.json.gz", b"\x1f\x8b and nothing more")
    status, said = imported()
    assert status == 1
    reasons = dict(zip(said.splitlines()[::2], said.splitlines()[1::2], strict=False))
    assert {name: line.strip() for name, line in reasons.items() if "." in name.split(" ")[0]} == {
        "archive.zip": "not imported: it is damaged (File is not a zip file)",
        "binary.dat": "not imported: it is no text",
        "chargers.json": "no rows",
        "cut.json": "not imported: it is no JSON from character 393 on"
        " (Unterminated string starting at)",
        "deep.json": "not imported: it is no JSON from character 2 on (it is nested too deeply)",
        "empty.json": "not imported: an empty file",
        "foreign.json": "not imported: fields that are not the API's: name, version",
        "number.json": "not imported: a number, and no answer of the API",
        "page.html": "not imported: it is neither JSON nor CSV",
        "reduced.json": "not imported: data_points: reduced points, whose fields nobody documents",
        "refusal.json": "not imported: fields that are not the API's: message",
        "spaces.json": "not imported: an empty file",
        "squeezed.json.gz": "not imported: it is damaged (Unknown compression method)",
        "text.md": "not imported: it is neither JSON nor CSV",
    }
    assert owner.sql("FROM requests") == []


def test_rows_before_the_damage_of_a_list_are_imported(owner, files, imported):
    text = json.dumps(POINTS)
    write(files / f"{SERIAL}.json", text[: text.index(POINTS[6]["time"])].encode())
    status, said = imported()
    assert status == 1
    assert "it is no JSON from character" in said
    assert solar(owner) == [0, 5, 10, 15, 20, 25]


def test_values_that_no_column_can_hold_cost_no_other(owner, files, imported):
    rows = [json.dumps(each) for each in POINTS[:4]]
    rows[1] = rows[1].replace('"power": 5', '"power": 1e400')
    rows[2] = rows[2].replace('"power": 10', f'"power": {"9" * 400}')
    write(files / f"{SERIAL}.json", f"[{','.join(rows)}]".encode())
    status, said = imported()
    assert status == 0, said
    assert solar(owner) == [0, None, None, 15]
    found = owner.sql("SELECT row_index, is_row_kept FROM quarantine ORDER BY ALL")
    assert [[*row.values()] for row in found] == [[1, True], [2, True]]


def test_a_row_that_is_no_json_is_named(owner, files, imported):
    rows = [json.dumps(each) for each in POINTS[:3]]
    rows[1] = rows[1].replace('"power": 5', '"power": NaN')
    write(files / f"{SERIAL}.json", f"[{','.join(rows)}]".encode())
    status, said = imported()
    assert status == 1
    assert "not imported: it has a value that is no JSON" in said
    assert solar(owner) == [0, 10]


def test_whose_points_are_must_be_said_by_content_name_or_owner(owner, files, imported):
    write(files / "points.json", POINTS)
    status, said = imported()
    assert status == 1
    assert "inverter_data_points; whose is not said: name it with --device" in said
    assert owner.sql("FROM requests") == []
    status, said = imported("--device", SERIAL)
    assert status == 0, said
    (row,) = owner.sql("SELECT DISTINCT inverter_serial FROM inverter_data_points")
    assert row["inverter_serial"] == SERIAL


def test_a_name_with_two_serial_numbers_says_nothing(files, imported):
    write(files / "CE0000G001-CE0000G002.json", POINTS)
    status, said = imported("--device", SERIAL)
    assert status == 1
    assert "its name has several serial numbers" in said


def test_readings_that_may_be_a_sites_are_not_taken_for_the_named_inverters(files, imported):
    reading = {"time": f"{DAY}T12:00:00Z", "status": "Normal", "solar": {}, "grid": {}}
    write(files / "latest.json", {"data": {**reading, "battery": {}, "consumption": 1}})
    status, said = imported("--device", SERIAL)
    assert status == 1
    assert "readings of an inverter or of a site, which is not said" in said


def test_each_list_of_a_saved_day_is_looked_at(owner, files, imported):
    day = f"{DAY} 00:00", f"{DAY} 00:30"
    flow = dict(zip(("start_time", "end_time"), day, strict=True)) | {"data": {"0": 1.5}}
    content = {"serial": SERIAL, "fetched_at": "2025-03-05T12:00:00Z", "totals": {"pv": 1}}
    reduced = {"t": "00:05", "pv": 1, "cons": 2, "bat": 3, "soc": 4, "grid": 5, "temp": 6}
    write(files / "a.json", {**content, "data_points": [reduced], "energy_flows": [flow]})
    write(files / "b.json", [{**content, "data_points": POINTS, "energy_flows": []}])
    status, said = imported()
    assert status == 1
    assert "data_points: reduced points, whose fields nobody documents" in said
    assert solar(owner) == [5 * number for number in range(10)]
    rows = owner.sql("SELECT inverter_serial, pv_to_home_kwh FROM energy_flows")
    assert [[*row.values()] for row in rows] == [[SERIAL, 1.5]]
    (found,) = owner.sql("SELECT DISTINCT fetched_at FROM requests")
    assert found["fetched_at"] == datetime(2025, 3, 5, 12, tzinfo=UTC)


def test_links_are_not_followed_and_pipes_not_read(files, imported):
    write(files / f"{SERIAL}.json", POINTS)
    (files / "link.json").symlink_to(files / f"{SERIAL}.json")
    (files / "circle").symlink_to(files)
    os.mkfifo(files / "pipe")
    status, said = imported()
    assert status == 1
    assert said.count("it is a link, which is not followed") == 3  # each in the list, and together
    assert "it is no regular file" in said


def test_a_file_that_unpacks_to_too_much_is_given_up(files, imported):
    files.mkdir()
    with zipfile.ZipFile(files / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{SERIAL}.json", b" " * (80 << 20))
    status, said = imported()
    assert status == 1
    assert "it unpacks to more than 300 times its size" in said


CSV_ROWS = [
    ["Time", "PV Power (kW)", "Battery SOC (%)", "Battery Power (W)", "Grid import today (kWh)"],
    ["2025-03-01T00:00:00Z", "0.5", "50", "-100", "1.5"],
    ["2025-03-01T01:05:00+01:00", "", "51", "-200", "1.6"],
]


def csv_file(path: Path, rows: list[list[str]], delimiter: str = ",") -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    write(path, text.getvalue().encode())


@pytest.mark.parametrize("delimiter", [",", pytest.param(";", marks=pytest.mark.slow)])
def test_csv_columns_are_imported_as_far_as_their_headers_say_it(owner, files, imported, delimiter):
    csv_file(files / f"system_data_{SERIAL}.csv", CSV_ROWS, delimiter)
    status, said = imported()
    assert status == 1
    assert "columns not imported: Battery Power (W)" in said
    rows = owner.sql(
        "SELECT time, solar_power_w, battery_percent, battery_power_w, today_grid_import_kwh,"
        " grid_power_w FROM inverter_data_points ORDER BY time"
    )
    assert [[*row.values()][1:] for row in rows] == [
        [500.0, 50.0, None, 1.5, None],
        [None, 51.0, None, 1.6, None],
    ]
    times = [row["time"] for row in rows]
    assert times == [datetime(2025, 3, 1, 0, minute, tzinfo=UTC) for minute in (0, 5)]


def test_csv_without_a_zone_or_with_nothing_that_is_known_is_named(owner, files, imported):
    csv_file(files / f"{SERIAL}_a.csv", [CSV_ROWS[0], ["2025-03-01 00:00", *CSV_ROWS[1][1:]]])
    csv_file(files / f"{SERIAL}_b.csv", [["Time", "PV"], ["2025-03-01T00:00:00Z", "1"]])
    csv_file(files / f"{SERIAL}_c.csv", [["Name", "PV Power (W)"], ["x", "1"]])
    status, said = imported()
    assert status == 1
    assert "CSV whose times do not say their time zone" in said
    assert "CSV whose columns do not say a unit, or which sign is which: Time, PV" in said
    assert "CSV whose columns do not say a time: Name, PV Power (W)" in said
    assert owner.sql("FROM requests") == []


@pytest.mark.slow
def test_an_export_of_givlake_is_imported_again(own, simulate, files, tmp_path):
    sim = simulate(inverters=1)
    owner = own(sim)
    fetch = ("--start", DAY, "--end", DAY + timedelta(days=1))
    assert owner.givlake("backfill", *fetch).status == 0
    rows = saved.table(owner.data)
    for layout in ("json", "csv"):
        done = owner.givlake("export", "--to", files / layout, "--format", layout)
        assert done.status == 0, done.output
    for layout, state in (("json", "complete"), ("csv", "unproven")):
        other = tmp_path / layout
        done = owner.givlake("import", files / layout, "--data", other)
        assert saved.table(other) == rows, done.output
        found = owner.givlake("status", "--data", other, "--format", "json")
        (points,) = [
            each for each in json.loads(found.out) if each["dataset"] == "inverter_data_points"
        ]
        assert points["days_by_state"][state] == 2


@pytest.mark.slow
@pytest.mark.parametrize("gateways", [0, 1])
def test_days_of_clock_changes_are_proven_by_other_days_of_the_device(
    own, simulate, files, gateways
):
    """A Gateway's days are days of UTC."""
    sim = simulate(inverters=1, gateways=gateways, rows_per_day=288)
    owner, saver = own(sim), Saver(sim)
    (serial,) = sim.serials
    days = [date(2024, 10, 26), date(2024, 10, 27), date(2025, 3, 30), date(2025, 3, 31)]
    for day in days:
        write(files / f"{day}.json", saver.day(serial, day))
    done = owner.givlake("import", files)
    assert done.status == 0, done.output
    assert "all proven to be whole" in done.out
    points = {serial: [each for day in days for each in saver.points(serial, day)]}
    assert saved.table(owner.data) == saved.expected(points)
    found = owner.sql(
        "SELECT DISTINCT request_date FROM coverage WHERE state = 'complete' ORDER BY ALL"
    )
    assert [row["request_date"] for row in found] == days


@pytest.mark.slow
def test_half_hours_of_clock_changes_are_those_of_the_answer(own, simulate, files):
    sim = simulate(inverters=1)
    owner, saver = own(sim), Saver(sim)
    (serial,) = sim.serials
    for day in (date(2024, 10, 27), date(2025, 3, 30)):
        write(files / serial / f"{day}.json", saver.flows(serial, day, day))
    done = owner.givlake("import", files)
    assert done.status == 0, done.output
    imported = owner.sql("SELECT start_at, fold FROM energy_flows ORDER BY start_at")
    fetch = ("--start", "2024-10-27", "--end", "2025-03-30", "--dataset", "energy_flows")
    assert owner.givlake("backfill", *fetch).status == 0
    days = "local_date IN ('2024-10-27', '2025-03-30') OR start_local IN"
    days += " ('2024-10-28 00:00', '2025-03-31 00:00')"
    fetched = owner.sql(f"SELECT start_at, fold FROM energy_flows WHERE {days} ORDER BY start_at")
    assert imported == fetched
    assert len(imported) == 46 + 50 + 2
    assert owner.sql("FROM energy_flows_superseded") == []


@pytest.mark.skipif(not SHARED.exists(), reason="needs the recorded answers")
@pytest.mark.slow
def test_recorded_answers_are_recognised(owner, files, imported):
    names = ("inverter_data_points_2025-06-01", "energy_flows_half_hourly_2024-07-03")
    names += ("inverter_events", "system_data_latest", "inverter_settings")
    for name in names:
        content = (SHARED / "samples" / f"{name}.json").read_bytes()
        write(files / SERIAL / f"{name}.json", content)
    status, said = imported()
    assert status == 0, said
    rows = json.loads((files / SERIAL / f"{names[0]}.json").read_bytes())["data"]
    ((_, count),) = [
        row.values() for row in owner.sql("SELECT 1, count(*) FROM inverter_data_points")
    ]
    assert count == len({row["time"] for row in rows})
    assert "1 day, 1,326 rows from 1 file\n  2025-06-01 to 2025-06-01, all proven" in said


def test_files_of_several_folders_and_odd_names_are_told_apart(owner, tmp_path, files):
    one, two = tmp_path / "one", tmp_path / "two"
    write(one / SERIAL / "points.json", POINTS[:3])
    write(two / SERIAL / "points.json", POINTS[3:6])
    (two / SERIAL / os.fsdecode(b"\xff.json")).write_text(json.dumps(POINTS[6:]))
    done = owner.givlake("import", one, two)
    assert done.status == 0, done.output
    assert solar(owner) == [5 * number for number in range(10)]
    found = owner.sql("SELECT source_file FROM requests ORDER BY ALL")
    assert [row["source_file"] for row in found] == [
        f"one/{SERIAL}/points.json",
        f"two/{SERIAL}/\\xff.json",
        f"two/{SERIAL}/points.json",
    ]


@pytest.mark.slow
def test_archives_in_archives_are_named(files, imported):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"{SERIAL}.json", json.dumps(POINTS))
    files.mkdir()
    with zipfile.ZipFile(files / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr(f"{SERIAL}.json.gz", gzip.compress(json.dumps(POINTS).encode()))
    status, said = imported()
    assert status == 1
    assert "outer.zip/inner.zip\n  not imported: it is an archive in another" in said
    assert f"outer.zip/{SERIAL}.json.gz\n  inverter_data_points of {SERIAL}, {DAY}: 10" in said


@pytest.mark.slow
def test_what_givlake_has_an_older_answer_of_is_not_imported_as_a_version(own, simulate, files):
    """A list that was saved before is; afterwards the list of the API is the newest version."""
    sim = simulate(inverters=1)
    owner, saver = own(sim), Saver(sim)
    assert owner.givlake("backfill", "--start", DAY, "--end", DAY).status == 0
    devices = json.loads(saver.get("/communication-device?pageSize=50"))
    fetched = owner.sql("SELECT * FROM inverters ORDER BY ALL")
    later, before = datetime.now(UTC), datetime(2025, 1, 1, tzinfo=UTC)
    write(files / "later.json", devices, later)
    done = owner.givlake("import", files)
    assert done.status == 1
    assert "communication_devices: givlake has an older answer of the API" in done.out
    assert owner.sql("SELECT * FROM inverters ORDER BY ALL") == fetched
    devices["data"][0]["inverter"]["status"] = "SLEEPING"
    write(files / "later.json", devices, before)
    done = owner.givlake("import", files)
    assert done.status == 0, done.output
    versions = owner.sql("SELECT status, valid_from, valid_to FROM inverters ORDER BY valid_from")
    assert versions[0]["status"] == "SLEEPING"
    assert versions[-1]["valid_to"] is None
    assert versions[-1]["status"] == fetched[-1]["status"]
    assert owner.givlake("verify").status == 0
