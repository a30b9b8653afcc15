"""`givlake tariffs` and `givlake roles`: what they say, store and refuse."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner, finished
from warehouse.storage.live_parquet import data_span

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "tariffs"
FLAT = """
name = "flat"
[[period]]
from = 2025-01-01
to = 2025-06-02
standing_charge = 50.0
import = [{ price = 25.0 }]
"""


@pytest.fixture
def owner(tmp_path):
    """Give an owner without a data folder."""
    return Owner(tmp_path, {"COLUMNS": "80"}, token=None)


@pytest.fixture
def flat(tmp_path):
    path = tmp_path / "flat.toml"
    path.write_text(FLAT)
    return path


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=2, ev_chargers=1, gateways=0, rows_per_day=60, commissioned=date(2025, 6, 1),
        empty_day_rate=0.0, rate_limit=100_000,
    )  # fmt: skip
    with Simulator(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def fetched(sim, tmp_path_factory):
    """Give an owner with three days of energy flows, and the first half hour after them."""
    chosen = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "account_devices,ev_chargers,energy_flows",
        "COLUMNS": "80",
    }
    owner = Owner(tmp_path_factory.mktemp("fetched"), chosen, token=sim.token)
    done = owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-03")
    assert done.status == 0, done.output
    return owner


def used(owner: Owner) -> list[tuple[str, str, str | None]]:
    rows = owner.sql("SELECT * FROM tariffs_in_force ORDER BY from_date")
    return [
        (row["tariff"], str(row["from_date"]), row["to_date"] and str(row["to_date"]))
        for row in rows
    ]


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("tariffs", "list"), "No tariffs are loaded: load one with givlake tariffs load FILE."),
        (("tariffs", "check"), "0 tariffs checked: no price is missing."),
        (("roles", "list"), "No inverters are known yet: start with givlake backfill."),
    ],
)
def test_what_only_reads_works_without_data_and_makes_no_folder(owner, arguments, sentence):
    done = owner.givlake(*arguments)
    assert (done.status, done.out, done.err) == (0, f"{sentence}\n", "")
    for layout, nothing in (("json", []), ("csv", [])):
        out = owner.givlake(*arguments, "--format", layout).out
        rows = json.loads(out) if layout == "json" else list(csv.DictReader(io.StringIO(out)))
        assert rows == nothing
    assert not owner.data.exists()


def test_a_tariff_is_loaded_listed_used_checked_and_forgotten(owner, flat):
    done = owner.givlake("tariffs", "load", flat)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Tariff flat, version 1: prices of import, 2025-01-01 to 2025-06-01.",
        "If it was yours, say from when: givlake tariffs use flat --from DATE",
    ]
    assert owner.sql("SELECT count(*) AS n FROM tariff_prices") == [{"n": 152 * 48 - 2}]
    again = owner.givlake("tariffs", "load", flat)
    assert (again.status, again.out) == (
        0,
        "flat.toml is version 1 of flat already: nothing to do.\n",
    )
    csv_file = EXAMPLES / "half-hourly.csv"
    assert owner.givlake("tariffs", "load", csv_file, "--name", "agile").status == 0
    done = owner.givlake("tariffs", "use", "flat", "--from", "2025-01")
    assert (done.status, done.err) == (0, "")
    done = owner.givlake("tariffs", "use", "agile", "--from", "2025-03-30", "--to", "2025-03-31")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["2025-01-01", "2025-03-29", "flat"],
        ["2025-03-30", "2025-03-30", "agile"],
        ["2025-03-31", "now", "flat"],
    ]
    assert used(owner) == [
        ("flat", "2025-01-01", "2025-03-30"),
        ("agile", "2025-03-30", "2025-03-31"),
        ("flat", "2025-03-31", None),
    ]
    assert owner.givlake("tariffs", "load", flat).status == 0
    listed = owner.givlake("tariffs", "list")
    assert max(map(len, listed.out.splitlines())) <= 80
    assert listed.out.splitlines()[2].split() == [
        *["flat", "1", "import", "2025-01-01", "2025-06-01", "flat.toml"]
    ]
    rows = json.loads(owner.givlake("tariffs", "list", "--format", "json").out)
    assert [(row["tariff"], len(row["in_force"])) for row in rows] == [("agile", 1), ("flat", 2)]
    assert rows[1]["in_force"][1] == {"from_date": "2025-03-31", "to_date": None}
    assert owner.givlake("tariffs", "check").status == 0
    done = owner.givlake("tariffs", "forget", "agile", "--yes")
    assert (done.status, done.out.splitlines()[0]) == (0, "Tariff agile is removed.")
    assert {tariff for tariff, *_ in used(owner)} == {"flat"}


@pytest.mark.slow
def test_a_replaced_version_is_listed_with_all_only(owner, flat):
    assert owner.givlake("tariffs", "load", flat).status == 0
    flat.write_text(FLAT.replace("25.0", "0.25"))
    done = owner.givlake("tariffs", "load", flat)
    assert done.err.startswith("No import price is above 0.25 pence: prices are in pence")
    assert done.out.startswith("Tariff flat, version 2:")
    shown = owner.givlake("tariffs", "list").out
    assert "replaced" not in shown
    assert "1 (replaced)" in owner.givlake("tariffs", "list", "--all").out
    out = owner.givlake("tariffs", "list", "--all", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["version"], row["is_current"]) for row in rows] == [("1", "False"), ("2", "True")]


@pytest.mark.slow
def test_each_example_is_loaded_by_the_command_of_its_page(owner):
    page = (EXAMPLES.parents[1] / "tariffs.md").read_text()
    commands = [
        line.partition("#")[0].split()
        for line in page.splitlines()
        if line.startswith("givlake tariffs load docs/examples/")
    ]
    assert {Path(line[3]).name for line in commands} == {path.name for path in EXAMPLES.iterdir()}
    for _, *arguments in commands:
        arguments[2] = str(EXAMPLES.parents[2] / arguments[2])
        done = owner.givlake(*arguments)
        assert (done.status, done.err) == (0, ""), arguments


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("load", "none.toml"), 2, "There is no file none.toml: check its name."),
        (("load", "flat.toml", "--name", "Flat"), 2, "'Flat' is no name of a tariff"),
        (("load", "flat.toml", "--vat", "include"), 2, "--vat are for answers of Octopus' API"),
        (("load", "flat.toml", "--direction", "both"), 2, "'both' is not one of"),
        (("use", "flatt", "--from", "2025"), 2, "No tariff 'flatt' is loaded. Did you mean flat?"),
        (("use", "flat"), 2, "Missing option '--from'"),
        (("use", "flat", "--from", "x"), 2, "'x' is not a day"),
        (("use", "flat", "--from", "0001"), 2, "from 0001-01-01: --from is 2000-01-01 or later"),
        (
            ("use", "flat", "--from", "2025-02", "--to", "2025-02"),
            2,
            "the first day on which it no",
        ),
        (("check", "go"), 2, "No tariff 'go' is loaded. Loaded are flat."),
        (("forget", "go", "--yes"), 2, "No tariff 'go' is loaded."),
        (("laod",), 2, "There is no command 'laod'. Did you mean load?"),
        ((), 2, "Load and check tariffs, and say which was in force when."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(owner, flat, arguments, status, sentence):
    assert owner.givlake("tariffs", "load", flat).status == 0
    done = owner.givlake("tariffs", *arguments)
    assert (done.status, done.out) == (status, "")
    assert sentence in " ".join(done.err.split())
    assert "Traceback" not in done.err


@pytest.mark.parametrize("command", [("tariffs", "use", "flat", "--from", "2025"),
                                     ("tariffs", "forget", "flat"), ("roles", "set", "X", "member"),
                                     ("roles", "clear", "X")])  # fmt: skip
def test_nothing_is_set_where_there_is_no_data_folder(owner, command):
    done = owner.givlake(*command)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"givlake: No data in {owner.data}")
    assert not owner.data.exists()


@pytest.mark.slow
def test_check_finds_days_with_data_and_without_a_price(fetched, flat):
    assert fetched.givlake("tariffs", "load", flat).status == 0
    done = fetched.givlake("tariffs", "check")
    assert (done.status, done.out.splitlines()[0]) == (0, "1 tariff checked: no price is missing.")
    assert "No tariff is in force" in done.out
    # Years before the first data have no cost that could be missing.
    assert fetched.givlake("tariffs", "use", "flat", "--from", "2015").status == 0
    done = fetched.givlake("tariffs", "check")
    assert done.status == 1
    first, second = done.out.splitlines()
    assert first.startswith(
        "flat: It was in force and has no import price for 97 half hours with data, from"
        " 2025-06-01 23:00 UTC to 2025-06-03 23:30 UTC: load newer prices"
    )
    assert "no standing charge for 3 days, from 2025-06-02 to 2025-06-04" in second
    rows = json.loads(fetched.givlake("tariffs", "check", "flat", "--format", "json").out)
    assert [row["problem"] for row in rows] == ["no_import_price", "no_standing_charge"]
    flat.write_text(FLAT.replace("to = 2025-06-02", ""))
    assert fetched.givlake("tariffs", "load", flat).status == 0
    assert fetched.givlake("tariffs", "check").status == 0


@pytest.mark.slow
def test_roles_are_set_by_any_name_of_a_device_and_removed(sim, fetched):
    one, other = sim.serials
    done = fetched.givlake("roles", "set", one.lower(), "whole_site")
    assert (done.status, done.out, done.err) == (0, f"{one} counts as whole_site.\n", "")
    assert fetched.givlake("roles", "set", other, "member").status == 0
    assert fetched.givlake("roles", "set", other, "ignored").status == 0
    stored = "SELECT device_id, role, set_at FROM device_roles_set ORDER BY 1"
    assert [(row["device_id"], row["role"]) for row in fetched.sql(stored)] == sorted(
        [(one, "whole_site"), (other, "ignored")]
    )
    rows = json.loads(fetched.givlake("roles", "list", "--format", "json").out)
    assert {row["device_id"]: row["role"] for row in rows if row["set_at"]} == {
        one: "whole_site", other: "ignored",
    }  # fmt: skip
    listed = fetched.givlake("roles", "list").out
    assert max(map(len, listed.splitlines())) <= 80
    assert fetched.givlake("roles", "clear", one).out == f"{one} has no role any more.\n"
    assert fetched.givlake("roles", "clear", one).out == f"{one} has no role: nothing to do.\n"
    assert [row["device_id"] for row in fetched.sql(stored)] == [other]


@pytest.mark.slow
def test_a_role_or_a_device_that_there_is_not_is_refused(sim, fetched):
    one = sim.serials[0]
    done = fetched.givlake("roles", "set", one, "gateway")
    assert (done.status, done.out) == (2, "")
    assert "'gateway' is not one of 'whole_site', 'grid_meter', 'member', 'ignored'" in " ".join(
        done.err.split()
    )
    for command in (("set", f"{one}X", "member"), ("clear", f"{one}X")):
        done = fetched.givlake("roles", *command)
        assert (done.status, done.out) == (2, "")
        assert f"Unknown device '{one}X'. Did you mean" in done.err
    (charger,) = fetched.sql("SELECT charger_uuid FROM ev_chargers_now")
    done = fetched.givlake("roles", "set", charger["charger_uuid"], "ignored")
    assert (done.status, done.out) == (2, "")
    assert "is no inverter: only inverters have a role in their site." in done.err


@pytest.mark.slow
def test_forgetting_a_device_removes_its_role(sim, tmp_path):
    chosen = {
        "GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": "account_devices,energy_flows",
    }  # fmt: skip
    owner = Owner(tmp_path, chosen, token=sim.token)
    assert owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-01").status == 0
    one, other = sim.serials
    for device in (one, other):
        assert owner.givlake("roles", "set", device, "member").status == 0
    assert owner.givlake("forget", "--device", one, "--yes").status == 0
    assert [row["device_id"] for row in owner.sql("FROM device_roles_set")] == [other]


@pytest.mark.slow
def test_writing_commands_expand_lost_prices_again(owner, flat):
    assert owner.givlake("tariffs", "load", flat).status == 0
    path = owner.data / "owner" / "tariff_prices.parquet"
    path.unlink()
    done = owner.givlake("tariffs", "list")
    assert (done.status, "repair with: givlake build" in done.err) == (0, True)
    assert owner.givlake("build").status == 0
    assert owner.sql("SELECT count(*) AS n FROM tariff_prices") == [{"n": 152 * 48 - 2}]


@pytest.mark.slow
def test_writing_commands_expand_damaged_prices_again(owner, flat, caplog):
    assert owner.givlake("tariffs", "load", flat).status == 0
    prices = owner.sql("FROM tariff_prices ORDER BY start_at")
    path = owner.data / "owner" / "tariff_prices.parquet"
    first, _ = data_span(path)
    content = bytearray(path.read_bytes())
    content[first : first + 190] = bytes(190)
    path.write_bytes(content)
    counted = ("query", "SELECT count(*) AS n FROM tariff_prices", "--format", "csv")
    done = owner.givlake(*counted)
    assert (done.status, done.out.split()) == (0, ["n", "0"])
    assert f"owner/{path.name} is damaged: `givlake build` expands the prices again" in done.err
    done = owner.givlake("build")
    assert done.status == 0, done.output
    assert "was damaged: the prices are expanded again" in caplog.text
    assert owner.sql("FROM tariff_prices ORDER BY start_at") == prices
    assert owner.givlake(*counted).err == owner.givlake("check").err == ""
    assert list(path.parent.glob("*.damaged*")) == []


@pytest.mark.slow
def test_a_damaged_list_of_tariffs_stops_nothing(owner, flat, caplog):
    flat.write_text(f'currency = "EUR"{FLAT}')
    assert owner.givlake("tariffs", "load", flat).status == 0
    path = owner.data / "owner" / "tariffs.parquet"
    whole = path.read_bytes()
    path.write_bytes(b"garbage")
    done = owner.givlake("query", "SELECT count(saved_eur) AS n FROM cost_daily", "--format", "csv")
    assert (done.status, done.out.split()) == (0, ["n", "0"])
    assert "owner/tariffs.parquet is damaged and has what only you know" in done.err
    done = owner.givlake("tariffs", "list")
    assert (done.status, done.out) != (0, "")
    assert "restore it from a copy" in done.err
    assert "Traceback" not in done.err
    done = owner.givlake("build")
    (kept,) = path.parent.glob("tariffs.damaged-*")
    assert done.status == 0, done.output
    assert f"kept as owner/{kept.name}: restore it from a copy" in caplog.text
    assert kept.read_bytes() == b"garbage"
    # The columns of money have the default currency from the next command on that writes.
    assert owner.givlake("build").status == 0
    done = owner.givlake("query", "SELECT count(saved_gbp) AS n FROM cost_daily", "--format", "csv")
    assert (done.status, done.err) == (0, "")
    path.write_bytes(whole)
    kept.unlink()
    assert owner.givlake("build").status == 0
    assert owner.sql("SELECT count(*) AS n FROM tariff_prices") == [{"n": 152 * 48 - 2}]
    assert owner.givlake("check").status == 0


@pytest.mark.slow
def test_damaged_roles_stop_nothing(owner, flat):
    assert owner.givlake("tariffs", "load", flat).status == 0
    path = owner.data / "owner" / "device_roles_set.parquet"
    query = ("query", "SELECT count(*) AS n FROM site_daily", "--format", "csv")
    path.write_bytes(b"garbage")
    done = owner.givlake(*query)
    assert (done.status, done.out.split()) == (0, ["n", "0"])
    assert "owner/device_roles_set.parquet is damaged" in done.err
    assert "givlake build" in done.err
    assert owner.givlake("build").status == 0
    assert [kept.read_bytes() for kept in path.parent.glob("*.damaged-*")] == [b"garbage"]
    done = owner.givlake(*query)
    assert (done.status, done.out.split(), done.err) == (0, ["n", "0"], "")


@pytest.mark.slow
@pytest.mark.processes
def test_two_processes_load_at_once(owner, tmp_path):
    names = ("one", "two", "three")
    for name in names:
        (tmp_path / f"{name}.toml").write_text(FLAT.replace('"flat"', f'"{name}"'))
    running = [owner.start("tariffs", "load", f"{name}.toml") for name in names]
    for process in running:
        done = finished(process)
        assert done.status == 0, done.output
    counted = owner.sql("SELECT tariff, count(*) AS n FROM tariff_prices GROUP BY 1 ORDER BY 1")
    assert counted == [{"tariff": name, "n": 152 * 48 - 2} for name in sorted(names)]
