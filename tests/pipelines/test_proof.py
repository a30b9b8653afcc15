"""`givlake verify` and `givlake export`: proofs are made again by programs that know no givlake."""

import csv
import json
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between, expected_rows
from warehouse.export.body_export import folder_name
from warehouse.export.sinks import escape_formula

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 3))
RANGE = ("--start", DAYS[0], "--end", DAYS[-1])
CSV_SCRIPT, DUCKDB_SCRIPT = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs/verify.md").read_text(), re.DOTALL
)
# What the last rows of the first day say; a cell, a path or a terminal could be made of each.
STATUSES = [
    "",
    "=1+1",
    "+44",
    "-NORMAL",
    "@x",
    "'quoted'",
    'a\r\nb,"c"',
    "\t=x",
    "\uff1d1",
    "ÅÄ\x1b[31m",
]


@pytest.fixture(scope="module")
def sim():
    settings = SimulatorConfig(
        inverters=2, rows_per_day=60, commissioned=date(2024, 1, 1), empty_day_rate=0.0
    )
    with Simulator(settings) as sim:
        rows = sim.truth(sim.serials[0], DAYS[0])
        for row, status in zip(rows[-len(STATUSES) :], STATUSES, strict=True):
            row["status"] = status
        sim.set_rows(sim.serials[0], DAYS[0], rows)
        yield sim


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Give an owner who has three days; the tests leave the data as they find it."""
    owner = Owner(tmp_path_factory.mktemp("owner"), {"GIVENERGY_API_URL": sim.base_url}, sim.token)
    assert owner.givlake("backfill", *RANGE).status == 0
    return owner


@pytest.fixture(scope="module")
def exports(owner):
    """Give a folder with an export in each format."""
    for layout in ("parquet", "csv", "json"):
        done = owner.givlake("export", "--to", owner.folder / layout, "--format", layout)
        assert (done.status, done.err) == (0, "")
    done = owner.givlake("export", "--to", owner.folder / "x.duckdb", "--format", "duckdb")
    assert (done.status, done.err) == (0, "")
    return owner.folder


def prove(script: str, manifest: Path, export: Path) -> list[list[str]]:
    """Run a script of the docs as a stranger would; give the words of each line."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(manifest), str(export)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


def sums_hold(folder: Path) -> bool:
    done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=False)
    listed = {line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return done.returncode == 0 and listed == there - {"SHA256SUMS"}


def test_everything_is_proven_and_the_manifest_says_what_there_is(sim, owner):
    file = owner.folder / "manifest.json"
    done = owner.givlake("verify", "--manifest", file)
    assert done.status == 0
    rows = expected_rows(sim, sim.serials, DAYS)
    assert f"proven  inverter_data_points: {len(rows):,} rows of " in done.out
    assert done.out.endswith(f"All tables in {owner.data} match the archive.\n")
    table = json.loads(file.read_text())["tables"]["inverter_data_points"]
    assert (table["key"], table["device_column"]) == (
        ["inverter_serial", "time"],
        "inverter_serial",
    )
    assert "response_id" not in table["columns"]
    for serial, device in zip(sim.serials, table["devices"], strict=True):
        times = [time for of, time in rows if of == serial]
        assert (device["device"], device["rows"]) == (serial, len(times))
        assert (device["first"], device["last"]) == (str(min(times)), str(max(times)))
        states = device["days"]["states"]
        assert states["complete"] == 3
        assert set(states) == {"complete", "not_requested"}
        assert device["days"]["first"] == "2024-01-01"


@pytest.mark.slow
@pytest.mark.processes
def test_third_parties_get_the_same_hashes_from_every_export(owner, exports):
    tables = json.loads((exports / "csv/manifest.json").read_text())["tables"]
    entries = sum(len(table["devices"]) for table in tables.values())
    parquet = DUCKDB_SCRIPT.replace(
        "duckdb.connect(sys.argv[2], read_only=True)", "duckdb.connect()"
    )
    parquet = parquet.replace("FROM {name}", "FROM '{sys.argv[2]}/{name}.parquet'")
    for script, export in ((CSV_SCRIPT, "csv"), (DUCKDB_SCRIPT, "x.duckdb"), (parquet, "parquet")):
        lines = prove(script, exports / "csv/manifest.json", exports / export)
        assert {line[0] for line in lines} == {"same"}
        assert len(lines) == entries
    made = owner.folder / "again.json"
    points = ("--dataset", "inverter_data_points")
    assert owner.givlake("verify", "--manifest", made, *points).status == 0
    (again,) = json.loads(made.read_text())["tables"].values()
    assert again == tables["inverter_data_points"]


@pytest.mark.slow
@pytest.mark.processes
def test_a_third_party_sees_that_one_value_of_an_export_was_changed(exports, sim, tmp_path):
    copy = shutil.copytree(exports / "csv", tmp_path / "copy")
    path = copy / "inverter_data_points.csv"
    rows = list(csv.reader(path.open(newline="")))
    rows[5][rows[0].index("solar_power_w")] = "1234.5"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    lines = prove(CSV_SCRIPT, copy / "manifest.json", copy)
    changed = [line for line in lines if line[0] == "DIFFERENT"]
    assert [line[1:3] for line in changed] == [["inverter_data_points", sim.serials[0]]]


@pytest.mark.slow
def test_exports_say_the_same_to_programs_that_know_nothing_of_givlake(sim, exports):
    wanted = {
        (serial, str(time)): (row["status"], row["solar_power_w"], row["pv_arrays"])
        for (serial, time), row in expected_rows(sim, sim.serials, DAYS).items()
    }
    name = "inverter_data_points"
    with (exports / f"csv/{name}.csv").open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert {
        (row["inverter_serial"], row["time"]): (
            row["status"].removeprefix("'"),
            float(row["solar_power_w"]) if row["solar_power_w"] else None,
            json.loads(row["pv_arrays"]),
        )
        for row in read
    } == wanted
    assert not any(row["status"][:1] in "=+-@\t\r" for row in read)
    packed = pq.read_table(exports / f"parquet/{name}.parquet")
    columns = (packed["status"], packed["solar_power_w"], packed["pv_arrays"])
    values = zip(*(column.to_pylist() for column in columns), strict=True)
    keys = zip(
        packed["inverter_serial"].to_pylist(), map(str, packed["time"].to_pylist()), strict=True
    )
    assert dict(zip(keys, values, strict=True)) == wanted
    with duckdb.connect(str(exports / "x.duckdb"), read_only=True) as alone:
        ((total,),) = alone.sql(f"SELECT sum(solar_power_w) FROM {name}").fetchall()
        assert total == pytest.approx(sum(power or 0 for _, power, _ in wanted.values()))
        titles = "SELECT title FROM data_dictionary WHERE column_name = 'solar_power_w'"
        assert alone.sql(titles).fetchall()[0] == ("Solar power (W)",)
        ((manifest,),) = alone.sql("SELECT manifest FROM manifest").fetchall()
        assert json.loads(manifest)["tables"].keys() >= {name}
        asked = alone.sql("SELECT count(*) FROM coverage WHERE state = 'complete'").fetchall()
        assert asked == [(6,)]


@pytest.mark.slow
def test_exports_carry_checksums_and_a_dictionary_and_are_their_owners_only(exports):
    for name in ("parquet", "csv", "json"):
        assert sums_hold(exports / name)
        assert "## inverter_data_points" in (exports / name / "data-dictionary.md").read_text()
        paths = [exports / name, *(exports / name).rglob("*")]
        assert not [path for path in paths if path.stat().st_mode & 0o077]
    done = subprocess.run(["sha256sum", "-c", "x.duckdb.sha256"], cwd=exports, check=False)
    assert done.returncode == 0
    assert (exports / "x.duckdb").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in exports.iterdir() if "unfinished" in path.name] == []


@pytest.mark.slow
def test_bodies_are_exported_as_they_came(sim, owner, exports):
    with (exports / "json/responses.csv").open(newline="") as file:
        index = list(csv.DictReader(file))
    points = [row for row in index if row["dataset"] == "inverter_data_points"]
    rows = []
    for row in points:
        serial, day = row["device_id"], row["request_date"]
        assert row["file"] == f"inverter_data_points/{serial}/{day}/{row['response_id']}.json"
        if (serial, day) == (sim.serials[0], str(DAYS[0])):
            rows += json.loads((exports / "json" / row["file"]).read_bytes())["data"]
    assert sorted(rows, key=str) == sorted(sim.truth(sim.serials[0], DAYS[0]), key=str)
    assert len(index) == owner.sql("SELECT count(*) n FROM requests WHERE outcome = 'ok'")[0]["n"]


def test_an_export_can_be_limited_to_a_dataset_and_to_days(sim, owner, tmp_path):
    limits = ("--dataset", "inverter_data_points", "--start", DAYS[1], "--end", DAYS[1])
    done = owner.givlake("export", "--to", tmp_path / "day", *limits)
    assert done.status == 0
    rows = pq.read_table(tmp_path / "day/inverter_data_points.parquet")
    assert set(rows["local_date"].to_pylist()) == {DAYS[1]}
    assert not (tmp_path / "day/inverters.parquet").exists()
    manifest = json.loads((tmp_path / "day/manifest.json").read_text())
    assert (manifest["first_day"], manifest["last_day"]) == (str(DAYS[1]),) * 2
    (device, _) = manifest["tables"]["inverter_data_points"]["devices"]
    assert device["days"]["states"] == {"complete": 1}
    done = owner.givlake("export", "--to", tmp_path / "json", "--format", "json", *limits)
    assert done.status == 0
    assert {path.parent.name for path in (tmp_path / "json").rglob("*/*/*.json")} == {str(DAYS[1])}


@pytest.mark.slow
def test_an_export_never_overwrites_what_is_not_one(owner, tmp_path):
    def refused(target, *more):
        limited = ("--dataset", "communication_devices", *more)
        done = owner.givlake("export", "--to", target, *limited)
        return done.status, done.err.removeprefix("givlake: ")

    mine = tmp_path / "mine"
    mine.mkdir()
    assert refused(mine)[0] == 0  # an empty folder is as good as none
    assert refused(mine) == (
        2,
        f"{mine} is not empty: choose another path, or replace the export there with --overwrite\n",
    )
    (mine / "old").touch()
    assert refused(mine, "--overwrite") == (
        2,
        f"{mine} holds old, which givlake did not export there: move it away, or choose another"
        " path\n",
    )
    (mine / "old").unlink()
    for layout in ("csv", "duckdb", "json", "parquet"):
        assert refused(mine, "--overwrite", "--format", layout)[0] == 0
    (mine / "SHA256SUMS").unlink()
    assert refused(mine, "--overwrite") == (
        2,
        f"{mine} exists and is not an export of givlake: choose another path\n",
    )
    file = tmp_path / "x.duckdb"
    file.write_text("mine")
    assert refused(file, "--format", "duckdb", "--overwrite")[0] == 2
    assert file.read_text() == "mine"
    for target in (owner.data / "export", owner.data, owner.folder):
        status, said = refused(target, "--overwrite")
        assert (status, "the export cannot go to" in said) == (2, True)
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file/x")[0] == 2
    assert refused(tmp_path / "y", "--start", "2025-06-02", "--end", "2025-06-01")[0] == 2
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "x.duckdb", "file"}


@pytest.mark.slow
def test_tampering_is_named_with_what_to_do_and_repaired(owner, tmp_path):
    """A value changed by hand is mended by `rebuild`, a file that is gone by `check --repair`."""
    shutil.copytree(owner.data, tmp_path / "data")
    mine = Owner(tmp_path, {**owner.settings, "GIVLAKE_DATA": str(tmp_path / "data")}, token=None)
    table = "tables/inverter_data_points/month=2025-06/part-0-of-1.parquet"
    path = mine.data / table
    rows = pq.read_table(path, partitioning=None)
    at = rows.schema.get_field_index("solar_power_w")
    values = [*rows["solar_power_w"].to_pylist()[:-1], 9999.0]
    pq.write_table(rows.set_column(at, rows.schema.field(at), [values]), path)
    done = mine.givlake("verify", "--dataset", "inverter_data_points")
    assert done.status == 1
    damage = [line for line in done.out.splitlines() if line.startswith("damage")]
    assert re.fullmatch(
        f"damage  {table} differs from its manifest \\([\\d,]+ rows\\): run givlake check --repair",
        damage[0],
    )
    assert re.fullmatch(
        "damage  table inverter_data_points, 2025-06: 1 row with other values than in the archive "
        r"\(the first: inverter_serial \w+, time 2025-06-0[34] [\d:]+\+00:00\): "
        "run givlake rebuild --dataset inverter_data_points",
        damage[1],
    )
    assert len(damage) == 2
    points = ("--dataset", "inverter_data_points")
    assert mine.givlake("rebuild", *points).status == 0
    assert mine.givlake("verify", *points).status == 0
    path.unlink()
    assert mine.givlake("verify", *points).status == 1
    assert mine.givlake("check", "--repair").status == 0
    assert mine.givlake("verify", *points).status == 0


def test_a_manifest_that_cannot_be_written_and_a_dataset_that_is_none_are_named(owner, tmp_path):
    file = tmp_path / "none" / "m.json"
    done = owner.givlake("verify", "--dataset", "communication_devices", "--manifest", file)
    assert done.status == 2
    assert done.err.startswith(f"givlake: The manifest {file} cannot be written (No such file")
    done = owner.givlake("verify", "--dataset", "weather")
    assert done.status == 2
    assert done.err.startswith("givlake: Unknown dataset 'weather': choose ")


@pytest.mark.parametrize("text", ["../../etc", "a/b", "..", "\x1b[2J", "Ünit", "x" * 300, "CON:*?"])
def test_no_path_is_made_of_what_the_api_sends(text):
    name = folder_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_%-]{1,80}", name)
    assert name != folder_name(f"{text}x")


def test_texts_are_escape_formula_so_that_one_apostrophe_can_be_taken_away_again():
    for text in STATUSES:
        cell = escape_formula(text)
        assert cell.removeprefix("'") == text if cell != text else not text.startswith("'")
    assert [escape_formula(text) for text in ("", "'", "x", "1-2")] == ["'", "''", "x", "1-2"]
