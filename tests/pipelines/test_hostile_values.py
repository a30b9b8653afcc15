"""What the API sends is data: no path, SQL, HTML, formula or command to a terminal comes of it."""

import copy
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

DAY = date(2025, 6, 2)
RANGE = ("--start", DAY, "--end", DAY)
# Device names, and what they would do to somebody who does not take care.
HOSTILE = {
    "path": "../../../../tmp/givlake-was-here",
    "windows path": "..\\..\\givlake-was-here",
    "absolute path": "/tmp/givlake-was-here",
    "encoded path": "%2e%2e%2fgivlake-was-here",
    "sql": "x'; DROP VIEW coverage; COPY (SELECT 1) TO 'givlake-was-here'; --",
    "sql identifier": "\"; ATTACH 'givlake-was-here' AS x; --",
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "markdown": "| x | [click](javascript:alert(3)) ![](http://evil.example/p)",
    "formula": '=HYPERLINK("http://evil.example","click")',
    "shell": "$(touch givlake-was-here)`touch givlake-was-here`;&",
    "rich markup": "[red]x[/red][link=http://evil.example]y[/link]",
    "template": "{{7*7}}{x!r}%s",
    "unicode": "Ünï☃\u202egnp.exe\u2028",
    "long": "L" * 2_000,
    "escape of the C1 set": "\x9b2J",
}
# Names that no request can be made of.
UNASKABLE = {
    "escape": "\x1b[2J\x1b]0;owned\x07",
    "line break": "one\ntwo\r\nthree",
    "dots": "..",
    "null": "a\x00b",
}
EVERYTHING = {**HOSTILE, **UNASKABLE}
# Servers take an encoded slash for a slash: names that would end their segment are not asked for.
ANSWERED = [text for text in HOSTILE.values() if not set(text) & {*"/\\%?#"}]
NEXT_DAY = DAY + timedelta(days=1)
COMMANDS = (
    ("plan", *RANGE),
    ("status",),
    ("doctor",),
    ("quarantine",),
    ("query", "SELECT inverter_serial, model FROM inverters"),
    ("query", "SELECT DISTINCT inverter_serial, status FROM inverter_data_points"),
)


def hostile_answer(request) -> bytes:
    """Points with a hostile status and unknown fields, and others that are hostile all over."""
    day = request.path.rpartition("/")[2]
    rows = [point(day, text, number) for number, text in enumerate(EVERYTHING.values())]
    rows += [
        {**rows[0], "time": text, "today": {"solar": text}, "is_metered": text}
        for text in EVERYTHING.values()
    ]
    return json.dumps({"data": rows, "meta": {"current_page": 1, "last_page": 1}}).encode()


def point(day: str, text: str, number: int) -> dict:
    return {
        "time": f"{day}T10:{number:02}:00Z",
        "status": text,
        text: text,
        "power": {"solar": {"power": number, "arrays": []}, text: {"x": text}},
        "today": {"solar": 1.5},
        "total": {"solar": 15},
        "is_metered": True,
    }


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=1,
        gateways=0,
        seed=7,
        rate_limit=100_000,
        rows_per_day=20,
        empty_day_rate=0.0,
        commissioned=DAY,
        smart_devices=1,
        ev_chargers=1,
    )
    with Simulator(config) as sim:
        account = str(sim.account["id"])
        (real,) = sim.truth_of("communication-device", account)
        listed = [real]
        for text in EVERYTHING.values():
            device = copy.deepcopy(real)
            device["serial_number"] = device["inverter"]["serial"] = text
            device["inverter"]["info"]["model"] = text
            device["inverter"]["connections"]["batteries"][0]["serial"] = text
            listed.append(device)
        sim.set_listing("communication-device", account, listed)
        (charger,) = sim.truth_of("ev-charger", account)
        sim.set_listing(
            "ev-charger", account, [{**charger, "uuid": text} for text in HOSTILE.values()]
        )
        sim.override(r"/inverter/(?!XA)[^/]*/data-points/", hostile_answer)
        yield sim


@pytest.fixture(scope="module")
def owner(sim: Simulator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("above") / "folder"
    folder.mkdir()
    datasets = "inverter_data_points,ev_chargers,ev_charging_sessions"
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": datasets}
    owner = Owner(folder, settings, token=sim.token)
    done = owner.givlake("backfill", *RANGE)
    assert "Traceback" not in done.output
    assert plain(done.output)
    # Of devices that can be asked for a day becomes whole, and is shown by Dagster.
    named = [argument for text in ANSWERED for argument in ("--device", text)]
    named += ["--dataset", "inverter_data_points"]
    done = owner.givlake("backfill", "--start", NEXT_DAY, "--end", NEXT_DAY, *named)
    assert (done.status, plain(done.output)) == (0, True), done.output
    return owner


def plain(text: str) -> bool:
    """Whether nothing in a text commands a terminal or turns its direction."""
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.slow
def test_each_name_is_kept_as_sent_and_requested_by_a_path_of_its_own(sim, owner):
    known = {row["serial"] for row in owner.sql("SELECT inverter_serial AS serial FROM inverters")}
    assert known >= set(EVERYTHING.values())
    # The simulator's log has paths decoded, once.
    asked = {
        request.path.removeprefix("/v1/inverter/").removesuffix(f"/data-points/{DAY}")
        for request in sim.requests
        if request.path.endswith(f"/data-points/{DAY}")
    }
    assert asked >= set(ANSWERED)
    assert not asked & (set(EVERYTHING.values()) - set(ANSWERED))
    held = owner.sql("SELECT DISTINCT inverter_serial, status FROM inverter_data_points")
    found = {(row["inverter_serial"], row["status"]) for row in held}
    assert found >= {(a, b) for a in ANSWERED for b in HOSTILE.values()}


@pytest.mark.slow
def test_no_file_lies_elsewhere_or_is_named_by_what_the_api_sent(owner):
    assert {path.name for path in owner.folder.iterdir()} == {"data"}
    assert {path.name for path in owner.folder.parent.iterdir()} == {"folder"}
    assert not Path("/tmp/givlake-was-here").exists()
    names = {part for path in owner.data.rglob("*") for part in path.parts[-1:]}
    assert [name for name in names if not re.fullmatch(r"[\w.=-]{1,120}", name, re.ASCII)] == []
    assert not any("givlake-was-here" in name for name in names)


@pytest.mark.slow
def test_the_catalogue_is_whole(owner):
    views = {row["name"] for row in owner.sql("SELECT view_name AS name FROM duckdb_views()")}
    assert {"coverage", "inverter_data_points", "quarantine"} <= views
    assert owner.givlake("check").status == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(map(str, command[:2])))
def test_no_output_commands_the_terminal(owner, command):
    done = owner.givlake(*command)
    assert "Traceback" not in done.output
    assert plain(done.out), command
    assert plain(done.err), command
    assert len(done.out) > 40


@pytest.mark.slow
def test_dagster_shows_names_as_text(owner):
    with owner.dagster() as (_, instance):
        shown = []
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                event = entry.dagster_event
                if event is None or not event.is_step_materialization:
                    continue
                for value in event.step_materialization_data.materialization.metadata.values():
                    if isinstance(value, dg.MarkdownMetadataValue):
                        shown.append(value.value)
        assert any("&#" in text for text in shown)
        assert not any("<" in text or "](" in text for text in shown)


@pytest.mark.slow
def test_the_picture_is_well_formed_and_runs_nothing(owner):
    file = owner.folder / "data" / "picture.svg"
    owner.givlake("status", "--calendar", file)
    root = ElementTree.fromstring(file.read_text())
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not kinds & {"script", "image", "foreignObject", "a", "use"}
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
    file.unlink()


@pytest.mark.slow
def test_no_cell_of_a_status_in_csv_is_a_formula(owner):
    done = owner.givlake("status", "--format", "csv")
    cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["csv", "json"])
def test_no_export_is_named_or_computed_by_what_the_api_sent(owner, tmp_path, layout):
    target = tmp_path / "export"
    done = owner.givlake("export", "--to", target, "--format", layout)
    assert (done.status, plain(done.output)) == (0, True), done.output
    files = [path for path in target.rglob("*") if path.is_file()]
    names = {part for path in files for part in path.relative_to(target).parts}
    assert [name for name in names if not re.fullmatch(r"[\w.%-]{1,200}", name, re.ASCII)] == []
    assert not names & {".", ".."}
    assert {path.name for path in tmp_path.iterdir()} == {"export"}
    assert not list(tmp_path.parent.glob("givlake-was-here*"))
    cells = [
        cell
        for path in files
        if path.suffix == ".csv"
        for row in csv.reader(path.open(encoding="utf-8", newline=""))
        for cell in row
    ]
    # In CSV as a text, in JSON as the name of a folder.
    assert any("DROP" in text for text in [*cells, *names])
    texts = [cell for cell in cells if not re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", cell)]
    assert [t for t in texts if t.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))] == []


def test_the_simulator_and_dagster_listen_on_this_machine_only_by_default(sim):
    from pipelines.cli.simulator_command import simulator as simulator_command
    from pipelines.cli.ui_command import ui

    assert sim.base_url.startswith("http://127.0.0.1:")
    assert SimulatorConfig().host == "127.0.0.1"
    (host,) = (option for option in ui.params if option.name == "host")
    assert host.default == "127.0.0.1"
    assert simulator_command is not None
