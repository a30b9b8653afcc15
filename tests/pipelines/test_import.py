"""`givlake import`: each layout, compared with the saved files; twice; and beside the API."""

import gzip
import json
import time
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support import saved_history as saved
from tests.support.owner import Owner
from tests.support.saved_history import Saver, write
from warehouse.storage.file_locks import FileLock

FIRST = date(2025, 3, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
SAVED_AT = datetime(2025, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def sim(simulate):
    return simulate(inverters=2, rows_per_day=60, commissioned=date(2024, 1, 1), gateways=0)


@pytest.fixture
def saver(sim):
    return Saver(sim)


@pytest.fixture
def owner(own, sim):
    """Give an owner with a data folder and no token."""
    made = own(sim)
    made.settings.pop("GIVENERGY_API_TOKEN")
    return made


@pytest.fixture
def files(tmp_path):
    return tmp_path / "saved"


def imported(owner: Owner, *arguments: object, status: int = 0) -> str:
    done = owner.givlake("import", *arguments)
    assert done.status == status, done.output
    return done.out


def states(owner: Owner, dataset: str = "inverter_data_points") -> dict[tuple[str, date], str]:
    found = owner.sql(
        "SELECT device_id, request_date, state FROM coverage"
        f" WHERE dataset = '{dataset}' AND state <> 'not_requested'"
    )
    return {(row["device_id"], row["request_date"]): row["state"] for row in found}


def one_file_per_day(saver, folder, serial):
    for day in DAYS:
        write(folder / f"{day}.json", saver.day(serial, day), SAVED_AT)


def compressed(saver, folder, serial):
    for day in DAYS:
        write(folder / str(day.year) / f"{day}.json.gz", gzip.compress(saver.day(serial, day)))


def in_a_zip(saver, folder, serial):
    folder.mkdir()
    with zipfile.ZipFile(folder / "backup.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for day in DAYS:
            archive.writestr(f"points/{day}.json", saver.day(serial, day))


def pages_of_50(saver, folder, serial):
    for day in DAYS:
        count = json.loads(saver.day(serial, day, size=50))["meta"]["last_page"]
        for page in range(1, count + 1):
            write(folder / str(day) / f"page-{page}.json", saver.day(serial, day, 50, page))


def pages_in_one_list(saver, folder, serial):
    for day in DAYS:
        count = json.loads(saver.day(serial, day, size=50))["meta"]["last_page"]
        pages = [json.loads(saver.day(serial, day, 50, page)) for page in range(1, count + 1)]
        write(folder / f"{day}.json", pages)


def answers_as_lines(saver, folder, serial):
    lines = [json.dumps(json.loads(saver.day(serial, day))) for day in DAYS]
    write(folder / "all.jsonl", "\n".join(lines).encode())


@pytest.mark.parametrize(
    "save",
    [
        one_file_per_day,
        pytest.param(compressed, marks=pytest.mark.slow),
        in_a_zip,
        pages_of_50,
        pytest.param(pages_in_one_list, marks=pytest.mark.slow),
        pytest.param(answers_as_lines, marks=pytest.mark.slow),
    ],
)
def test_answers_that_say_what_they_are_are_imported_and_proven(save, saver, owner, files):
    serial = saver.sim.serials[0]
    save(saver, files, serial)
    said = imported(owner, files)
    points = {serial: [point for day in DAYS for point in saver.points(serial, day)]}
    assert saved.table(owner.data) == saved.expected(points)
    assert states(owner) == dict.fromkeys(((serial, day) for day in DAYS), "complete")
    assert f"3 days, {len(points[serial]):,} rows" in said
    assert "all proven to be whole" in said
    again = imported(owner, files)
    assert "Nothing new was found." in again
    assert len(owner.sql("FROM requests")) == len(owner.sql("FROM requests WHERE source_file > ''"))


def list_of_points(saver, folder, serial):
    write(folder / serial / "points.json", [p for day in DAYS for p in saver.points(serial, day)])


def points_as_lines(saver, folder, serial):
    lines = [json.dumps(p) for day in DAYS for p in saver.points(serial, day)]
    write(folder / f"{serial}.jsonl", "\n".join(lines).encode())


def newest_day_first_in_utf_16(saver, folder, serial):
    points = [p for day in reversed(DAYS) for p in saver.points(serial, day)]
    write(folder / f"{serial}_all.json", json.dumps(points).encode("utf-16"))


def day_with_serial_beside_it(saver, folder, serial):
    for day in DAYS:
        points = saver.points(serial, day)
        content = {"date": str(day), "serial": serial, "data_points": points}
        write(folder / f"{day}.json", {**content, "fetched_at": "2025-03-09T10:00:00Z"})


@pytest.mark.parametrize(
    "save",
    [
        list_of_points,
        pytest.param(points_as_lines, marks=pytest.mark.slow),
        pytest.param(newest_day_first_in_utf_16, marks=pytest.mark.slow),
        day_with_serial_beside_it,
    ],
)
def test_points_without_their_number_are_imported_and_not_proven(save, saver, owner, files):
    serial = saver.sim.serials[0]
    save(saver, files, serial)
    said = imported(owner, files)
    points = {serial: [point for day in DAYS for point in saver.points(serial, day)]}
    assert saved.table(owner.data) == saved.expected(points)
    assert states(owner) == dict.fromkeys(((serial, day) for day in DAYS), "unproven")
    assert "3 days not proven: it does not say how many rows the API had" in said
    assert "Nothing new was found." in imported(owner, files)


@pytest.mark.slow
def test_a_dump_brings_its_devices_lists_and_points(saver, owner, files):
    saver.dump(files, DAYS, SAVED_AT)
    said = imported(owner, files, status=1)
    serials = saver.sim.serials
    points = {s: [p for day in DAYS for p in saver.points(s, day)] for s in serials}
    assert saved.table(owner.data) == saved.expected(points)
    assert states(owner) == dict.fromkeys(((s, d) for s in serials for d in DAYS), "unproven")
    assert "an object of numbered entries, and no answer of the API" in said
    assert said.count("not imported:") == 2  # of each inverter, the values of its settings
    found = owner.sql("SELECT inverter_serial FROM communication_devices ORDER BY ALL")
    assert [row["inverter_serial"] for row in found] == serials
    found = owner.sql("SELECT DISTINCT fetched_at FROM requests WHERE dataset = 'accounts'")
    assert [row["fetched_at"] for row in found] == [SAVED_AT]
    (account,) = owner.sql("SELECT * FROM accounts")
    assert saver.sim.account["email"] not in str(account)
    for name in ("inverter_system_readings", "inverter_meter_readings"):
        rows = owner.sql(f"SELECT inverter_serial FROM {name} ORDER BY ALL")
        assert [row["inverter_serial"] for row in rows] == serials
    assert owner.givlake("verify").status == 0


def test_half_hours_are_imported_from_answers_and_lines(saver, owner, files):
    one, another = saver.sim.serials
    answer = saver.flows(one, DAYS[0], DAYS[-1])
    write(files / one / "flows.json", answer)
    rows = json.loads(saver.flows(another, DAYS[0], DAYS[-1]))["data"]
    lines = "\n".join(json.dumps(row) for row in rows.values())
    write(files / another / "flows.jsonl", lines.encode())
    imported(owner, files)
    expected = {
        (serial, datetime.fromisoformat(row["start_time"]), row["data"].get("0"))
        for serial, entries in ((one, json.loads(answer)["data"]), (another, rows))
        for row in entries.values()
    }
    found = owner.sql("SELECT inverter_serial, start_local, pv_to_home_kwh FROM energy_flows")
    assert {tuple(row.values()) for row in found} == expected
    days = [(serial, day) for serial in saver.sim.serials for day in DAYS]
    assert states(owner, "energy_flows") == dict.fromkeys(days, "unproven")


def test_a_row_of_the_api_stands_over_an_imported_one(saver, own, files):
    serial, other = saver.sim.serials
    day = DAYS[0]
    truth = saver.points(serial, day)
    changed = json.loads(saver.day(serial, day))
    changed["data"][5]["power"]["solar"]["power"] += 1000
    changed["data"][6]["power"]["solar"]["power"] += 1000
    write(files / "before.json", changed)
    owner = own(saver.sim)
    imported(owner, files / "before.json")
    rows = saved.table(owner.data)
    assert rows == saved.expected({serial: changed["data"]})
    fetch = ("--start", day, "--end", day, "--device", serial, "--refetch")
    assert owner.givlake("backfill", *fetch).status == 0
    rows = saved.table(owner.data)
    assert rows == saved.expected({serial: truth})
    query = "SELECT solar_power_w FROM inverter_data_points_superseded ORDER BY time"
    kept = [row["solar_power_w"] for row in owner.sql(query)]
    assert kept == [point["power"]["solar"]["power"] for point in changed["data"][5:7]]

    # And the other way round: imported later, they do not replace the rows of the API.
    changed["data"][7]["power"]["solar"]["power"] += 2000
    write(files / "after.json", changed)
    said = imported(owner, files / "after.json")
    assert saved.table(owner.data) == saved.expected({serial: truth})
    assert "3 kept as other versions" in said
    assert "inverter_data_points_superseded has the other versions" in said
    assert states(owner)[serial, day] == "complete"
    assert owner.givlake("verify").status == 0
    assert other not in said


def test_a_day_that_was_saved_while_it_lasted_is_not_proven(saver, owner, files):
    serial = saver.sim.serials[0]
    day = date(2025, 6, 1)
    answer = json.loads(saver.day(serial, day))
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    answer["data"] = [point for point in answer["data"] if saved.time_of(point) < noon]
    answer["meta"]["total"] = answer["meta"]["to"] = len(answer["data"])
    write(files / "day.json", answer, noon)
    last = saved.time_of(answer["data"][-1]) + timedelta(hours=1)
    said = imported(owner, files)
    assert f"1 day not proven: rows end at {last:%H:%M}" in said
    assert states(owner) == {(serial, day): "unproven"}
    (row,) = owner.sql("SELECT reason FROM coverage WHERE state = 'unproven'")
    assert row["reason"] == f"imported: rows end at {last:%H:%M}"


@pytest.mark.slow
def test_pages_that_are_missing_leave_a_day_unproven_until_they_are_found(saver, owner, files):
    serial = saver.sim.serials[0]
    pages_of_50(saver, files, serial)
    missing = files / str(DAYS[1]) / "page-2.json"
    content = missing.read_bytes()
    missing.unlink()
    said = imported(owner, files)
    assert "pages were found" in said
    assert states(owner)[serial, DAYS[1]] == "unproven"
    missing.write_bytes(content)
    imported(owner, files)
    assert set(states(owner).values()) == {"complete"}
    points = {serial: [point for day in DAYS for point in saver.points(serial, day)]}
    assert saved.table(owner.data) == saved.expected(points)


def test_a_dry_run_says_what_files_are_and_changes_nothing(saver, owner, files):
    serial = saver.sim.serials[0]
    one_file_per_day(saver, files, serial)
    write(files / "notes.txt", b"hello")
    before = sorted((path, path.stat().st_mtime_ns) for path in owner.data.rglob("*"))
    said = imported(owner, files, "--dry-run", status=1)
    assert sorted((path, path.stat().st_mtime_ns) for path in owner.data.rglob("*")) == before
    rows = len(saver.points(serial, DAYS[0]))
    assert f"{DAYS[0]}.json\n  inverter_data_points of {serial}, {DAYS[0]}: {rows} rows" in said
    assert "notes.txt\n  not imported: it is neither JSON nor CSV" in said
    assert "Nothing was changed" in said


@pytest.mark.slow
@pytest.mark.new_folder
def test_a_new_folder_without_a_token_shows_imported_days(saver, tmp_path, files):
    owner = Owner(tmp_path, {}, token=None)
    serial = saver.sim.serials[0]
    one_file_per_day(saver, files, serial)
    said = imported(owner, files, "--dry-run")
    assert not owner.data.exists()
    imported(owner, files)
    assert set(states(owner).values()) == {"complete"}
    status = owner.givlake("status")
    assert serial in status.out
    assert "3 device-days complete" in status.out
    assert owner.sql("SELECT inverter_serial, role, first_date FROM device_roles") == [
        {"inverter_serial": serial, "role": "whole_site", "first_date": DAYS[0]}
    ]
    assert [row["local_date"] for row in owner.sql("FROM daily_energy ORDER BY ALL")] == DAYS
    assert "3 days" in said


@pytest.mark.slow
def test_rebuild_export_and_forget_treat_imported_rows_like_others(saver, owner, files, tmp_path):
    for serial in saver.sim.serials:
        one_file_per_day(saver, files / serial, serial)
    imported(owner, files)
    rows = saved.table(owner.data)
    assert owner.givlake("rebuild").status == 0
    assert saved.table(owner.data) == rows
    done = owner.givlake("export", "--to", tmp_path / "out")
    assert done.status == 0, done.output
    assert owner.givlake("compact").status == 0
    assert owner.givlake("verify").status == 0
    gone, kept = saver.sim.serials
    done = owner.givlake("forget", "--device", gone, "--yes")
    assert done.status == 0, done.output
    assert {serial for serial, _ in saved.table(owner.data)} == {kept}
    assert gone not in str(owner.sql("FROM requests"))
    assert owner.givlake("verify").status == 0


@pytest.mark.slow
@pytest.mark.new_folder
def test_the_zone_of_a_later_account_corrects_that_of_imported_days(own, simulate, files):
    """Before, the default zone was used, as a new folder knows no other."""
    sim = simulate(inverters=1, timezone="Europe/Berlin")
    saver = Saver(sim)
    (serial,) = sim.serials
    write(files / f"{DAYS[0]}.json", saver.day(serial, DAYS[0]))
    owner = own(sim)
    imported(owner, files)
    query = "SELECT min(local_time - time::TIMESTAMP) AS ahead FROM inverter_data_points"
    assert owner.sql(query) == [{"ahead": timedelta(0)}]
    fetch = ("--start", DAYS[1], "--end", DAYS[1])
    assert owner.givlake("backfill", *fetch).status == 0
    assert owner.sql(query) == [{"ahead": timedelta(hours=1)}]
    # A day of Berlin ends before one of London; now it is known to be one.
    assert states(owner)[serial, DAYS[0]] == "unproven"
    imported(owner, files)
    assert states(owner)[serial, DAYS[0]] == "complete"
    assert "Nothing new was found." in imported(owner, files)


@pytest.mark.slow
@pytest.mark.processes
def test_an_interrupted_import_is_continued(saver, owner, files):
    """What was archived stays, whenever the process is killed."""
    serial = saver.sim.serials[0]
    content = saver.day(serial, FIRST)
    count = 400
    for number in range(count):
        day = FIRST - timedelta(days=number)
        write(files / f"{day}.json", content.replace(str(FIRST).encode(), str(day).encode()))
    process = owner.start("import", files)
    segments = owner.data / "archive" / "segments"
    while process.poll() is None and not any(segments.glob("*.parquet")):
        time.sleep(0.02)
    process.kill()
    process.communicate()
    done = owner.process("import", files)
    assert done.status == 0, done.output
    assert len(states(owner)) == count
    (row,) = owner.sql("SELECT count(*) AS all, count(DISTINCT source_file) AS files FROM requests")
    assert row == {"all": count, "files": count}
    assert owner.process("verify").status == 0


@pytest.mark.slow
def test_a_second_import_into_a_folder_waits_for_no_one(saver, owner, files):
    serial = saver.sim.serials[0]
    write(files / f"{FIRST}.json", saver.day(serial, FIRST))
    with FileLock(owner.data / "locks" / "import"):
        done = owner.givlake("import", files)
    assert done.status == 2
    assert "Another import into this data folder is running" in done.err
    assert owner.sql("FROM requests") == []
