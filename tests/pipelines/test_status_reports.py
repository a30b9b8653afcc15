"""What is told besides the states of days: quarantine, drift, gaps, what never ended."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console

from pipelines.cli.common import print_groups
from pipelines.cli.formats import as_csv
from pipelines.health.calendar import Calendar, characters, svg
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between
from warehouse.coverage import State

DAYS = days_between(date(2025, 6, 2), date(2025, 6, 5))
# JSON escapes the characters up to 0x1f by itself, but not those from 0x80 to 0x9f.
HOSTILE = "\x9b2J<b>"


def recent(**ago) -> str:
    return f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def sim():
    settings = SimulatorConfig(
        inverters=2,
        gateways=0,
        seed=11,
        rows_per_day=280,
        rate_limit=100_000,
        commissioned=date(2025, 6, 2),
        empty_day_rate=0.0,
    )
    with Simulator(settings) as sim:
        plant(sim)
        yield sim


def plant(sim: Simulator) -> None:
    one, other = sim.serials
    # The inverter counts on for three hours in which no point comes; some rows are odd.
    points = sim.truth(one, DAYS[0])
    points = [p for p in points if not "T10:00" <= p["time"][10:] < "T13:00"]
    for point in points[:3]:
        point["power"]["battery"]["percent"] = 1_234
    points[3]["time"] = HOSTILE
    for point in points[4:6]:
        point["status"] = "HIBERNATING"
    points[6]["heat_pump"] = 850
    sim.set_rows(one, DAYS[0], points)
    # The inverter is off for three hours at night: nothing is counted.
    points = sim.truth(other, DAYS[0])
    before = [p for p in points if p["time"][10:] < "T01:00" or p["time"] < f"{DAYS[0]}"]
    after = [p for p in points if p["time"] >= f"{DAYS[0]}T04:00"]
    for point in after:
        point["total"] = {**point["total"], **before[-1]["total"]}
    sim.set_rows(other, DAYS[0], before + after)
    # A day that cannot be had.
    sim.fail(f"{other}/data-points/{DAYS[2]}", status=500)
    # At some dates one of those that the simulator invents has not ended.
    sim.set_listing("events", other, [])
    sim.set_listing(
        "events",
        one,
        [
            {"event": "Grid lost", "start_time": recent(days=2), "end_time": None},
            {"event": "Overheated", "start_time": "2025-06-03T10:00:00Z", "end_time": None},
            {
                "event": "No utility",
                "start_time": "2025-06-02T10:00:00Z",
                "end_time": "2025-06-02T11:00:00Z",
            },
        ],
    )


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory) -> Owner:
    """Give an owner of four days; the tests leave the data as they find it."""
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "inverter_data_points,inverter_events",
    }
    owner = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
    assert owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[-1]).status == 1
    return owner


def kinds(groups):
    return {(group["reason"], group["column"]): int(group["rows"]) for group in groups}


@pytest.mark.slow
def test_quarantine_by_reason_with_an_example_of_each(sim, owner):
    found = json.loads(owner.givlake("quarantine", "--format", "json", "--limit", 99).out)
    wanted = {
        (row["reason"], row["column"]): row["rows"]
        for row in owner.sql(
            'SELECT reason, "column", count(*) AS rows FROM quarantine GROUP BY ALL'
        )
    }
    assert kinds(found) == wanted
    (percent,) = (group for group in found if group["column"] == "battery_percent")
    example = percent["example"]
    assert (percent["rows"], percent["times_seen"], percent["devices"]) == (3, 3, 1)
    assert (example["device_id"], example["request_date"]) == (sim.serials[0], f"{DAYS[0]}")
    assert json.loads(example["raw"]) == sim.truth(sim.serials[0], DAYS[0])[example["row_index"]]
    (archived,) = owner.sql(
        f"SELECT request_date FROM requests WHERE response_id = {example['response_id']}"
    )
    assert archived["request_date"] == DAYS[0]
    text = owner.givlake("quarantine", "--format", "csv", "--limit", 99).out
    lines = list(csv.DictReader(io.StringIO(text)))
    assert kinds(lines) == wanted


@pytest.mark.slow
def test_quarantine_of_one_dataset_and_of_none_that_exists(owner):
    of_events = owner.givlake("quarantine", "--dataset", "inverter_events")
    assert (of_events.status, of_events.out) == (
        0,
        "No rows are quarantined.\n",
    )
    wrong = owner.givlake("quarantine", "--dataset", "inverter_point")
    assert wrong.status == 2
    assert "Unknown dataset 'inverter_point'. Did you mean inverter_data_points" in wrong.err
    few = owner.givlake("quarantine", "--limit", 1)
    assert ": see --limit" in few.out


@pytest.mark.slow
def test_what_the_api_sends_commands_no_terminal(owner):
    shown = owner.givlake("quarantine", "--limit", 99).out
    assert "\x9b" not in shown
    assert '"time":"\\x9b2J<b>"' in shown


def test_no_cell_is_a_formula_to_a_spreadsheet():
    rows = [{"text": "=1+1", "at": date(2025, 6, 2), "kwh": -1.5}, {"text": "@x"}, {"text": "a-1"}]
    assert as_csv(["text", "at", "kwh"], rows).splitlines() == [
        "text,at,kwh",
        "'=1+1,2025-06-02,-1.5",
        "'@x,,",
        "a-1,,",
    ]


@pytest.mark.slow
def test_drift_in_status_and_as_a_check(owner):
    shown = owner.givlake("status").out
    (line,) = (line for line in shown.splitlines() if "undocumented value" in line)
    assert "inverter_data_points: 2 undocumented values" in line
    assert "unknown code status = HIBERNATING, 2 times" in line
    assert "FROM drift WHERE dataset = 'inverter_data_points'" in line
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def("check_data")
        done = {
            evaluation.check_name: evaluation
            for evaluation in job.execute_in_process(
                instance=instance
            ).get_asset_check_evaluations()
        }
    assert not done["inverter_data_points_drift"].passed
    records = done["inverter_data_points_drift"].metadata["undocumented values"].records
    assert {(r.data["kind"], r.data["example"], r.data["count"]) for r in records} == {
        ("unknown_code", "HIBERNATING", 2),
        ("new_field", "number", 1),
    }
    assert done["inverter_events_drift"].passed


@pytest.mark.slow
def test_gaps_are_reported_by_their_cause(sim, owner):
    one, other = sim.serials
    gaps = owner.sql("SELECT * FROM gaps ORDER BY inverter_serial, last_point_at")
    assert [(g["inverter_serial"], g["cause"], g["is_energy_known"]) for g in gaps] == [
        (one, "not_sent", True),
        (other, "device_off", False),
        (other, "not_fetched", True),
    ]
    sent, off, fetched = gaps
    assert 3 <= sent["duration_s"] / 3600 < 3.4
    assert sent["solar_kwh"] > 1
    assert off["consumption_kwh"] == 0
    assert (fetched["first_date"], fetched["last_date"]) == (DAYS[1], DAYS[3])
    shown = owner.givlake("status", "--gaps").out
    assert "3 gaps of more than 30 minutes" in shown
    (line,) = (
        line
        for line in shown.splitlines()
        if "points not sent" in line and "UTC" in line and one in line
    )
    assert line.endswith("total energy known from counters")


@pytest.mark.slow
def test_what_is_open_for_long_shows_in_status(sim, owner):
    shown = owner.givlake("status").out
    (line,) = (line for line in shown.splitlines() if "inverter_events: 2 open" in line)
    assert "1 of them for more than 30 days" in line
    assert f"oldest since 2025-06-03 10:00 ({sim.serials[0]})" in line
    parts = {part["dataset"]: part for part in json.loads(owner.givlake(*STATUS_JSON).out)}
    assert [item["is_stale"] for item in parts["inverter_events"]["open"]] == [True, False]
    assert parts["inverter_data_points"]["values_quarantined"] == {"check_failed": 3}
    assert "check_failed" not in parts["inverter_data_points"]["quarantined"]


STATUS_JSON = ("status", "--format", "json")


@pytest.mark.slow
def test_status_as_csv_names_the_command_that_mends(sim, owner):
    other = sim.serials[1]
    done = owner.givlake("status", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(done.out)))
    (failed,) = (line for line in lines if line["state"] == "failed")
    assert (failed["device_id"], failed["month"], failed["days"]) == (other, "2025-06", "1")
    # What the API says of itself, which need not name the status.
    assert failed["reason"]
    assert failed["command"] == (
        f"givlake backfill --dataset inverter_data_points --device {other}"
        f" --start {DAYS[2]} --end {DAYS[2]}"
    )
    days = sum(int(line["days"]) for line in lines if line["days"])
    (there,) = owner.sql(
        "SELECT count(*) AS days FROM coverage WHERE dataset = 'inverter_data_points'"
        " AND is_expected"
    )
    assert days == there["days"]
    events = [line for line in lines if line["dataset"] == "inverter_events"]
    assert events
    assert {line["state"] for line in events} == {"complete"}


@pytest.mark.slow
def test_the_picture_has_a_cell_for_each_day_in_the_colour_of_its_state(sim, owner, tmp_path):
    file = tmp_path / "days.svg"
    owner.givlake("status", "--calendar", file)
    drawn = ElementTree.fromstring(file.read_text())
    titles, cells = [], {}
    for path in drawn.iter("{http://www.w3.org/2000/svg}path"):
        for title in path:
            titles.append(title.text)
            state = path.get("class")
            cells[state] = cells.get(state, 0) + path.get("d").count("M")
    assert f"{sim.serials[1]} inverter_data_points 2025: 1 failed" in titles
    states = owner.sql(
        "SELECT state, count(*) AS days FROM coverage WHERE is_expected"
        " AND dataset = 'inverter_data_points' GROUP BY state"
    )
    assert cells == {row["state"]: row["days"] for row in states}
    assert cells["complete"] == 7
    missing = owner.givlake("status", "--calendar", tmp_path / "nowhere" / "days.svg")
    assert missing.status == 2
    assert "cannot be written (No such file or directory): use another file" in missing.err


def test_months_stand_below_devices_where_a_terminal_is_narrow():
    groups = [("A" * 36, [["2026-11", 20, ""], ["2026-10", 31, 1]]), ("B", [["2026-11", 3, ""]])]
    said = []
    for width in (80, 50):
        console = Console(width=width, file=io.StringIO(), markup=False, soft_wrap=True)
        columns = ["device", "month", "complete", "failed"]
        print_groups(console, columns, groups, right=("complete", "failed"))
        said.append([line.rstrip() for line in console.file.getvalue().splitlines()])
    assert said[0][1] == f"{'A' * 36}  2026-11        20"
    assert said[1] == [
        "month    complete  failed",
        "A" * 36,
        "2026-11        20",
        "2026-10        31       1",
        "B",
        "2026-11         3",
    ]


def test_the_name_of_a_month_stands_above_its_first_day_that_is_expected():
    # The last days of September share no more than a week with October: there is no room for both.
    days = days_between(date(2025, 9, 28), date(2025, 11, 3))
    picture = svg([Calendar("energy_flows", "A", dict.fromkeys(days, State.EMPTY))], "Days")
    drawn = ElementTree.fromstring(picture)
    texts = drawn.iter("{http://www.w3.org/2000/svg}text")
    months = [(text.text, int(text.get("x"))) for text in texts if text.get("class") == "month"]
    # Week 39 of the year, from 0 on, begins on 29 September, week 43 on 27 October.
    assert sorted(months) == [("Nov", 70 + 11 * 43), ("Oct", 70 + 11 * 39)]


@pytest.mark.slow
def test_the_calendar_shows_in_the_metadata_of_the_check(sim, owner):
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def("check_history")
        (done,) = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    calendars = done.metadata["calendars"].value
    assert all(serial in calendars for serial in sim.serials)
    assert done.metadata["days by state"].value["failed"] == 1
    assert "⬛ not requested" in calendars


def test_a_name_from_the_api_is_only_a_name_in_pictures():
    name = '</text><script>"`\n\x00'
    calendar = Calendar("inverter_data_points", name, {DAYS[0]: State.COMPLETE})
    drawn = ElementTree.fromstring(svg([calendar], "Days"))
    tags = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in drawn.iter()}
    assert tags == {"svg", "title", "style", "text", "path"}
    heading, *drawing = characters(calendar).splitlines()
    assert heading == "textscript"
    assert drawing.count("```") == 2
