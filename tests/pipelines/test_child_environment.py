"""Every process that givlake starts works with the settings of the one that started it."""

import os
import re
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import duckdb
import pytest
import requests

from pipelines.child_environment import own_environment
from pipelines.cli.demo_command import simulated_account
from pipelines.dagster_workarounds.stopped_instigators import stopped_instigators
from pipelines.instance import open_instance
from pipelines.settings import load_settings
from pipelines.settings_file import SettingsError
from simulator import Simulator, SimulatorConfig
from tests.support.dagster_page import REPOSITORY, Process, page
from tests.support.http_listener import listening
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc"),
    pytest.mark.usefixtures("machine_clock"),
]

OF_DAGSTER = ("dagster_webserver", "dagster._daemon", "code-server", "api grpc")
STATES = """query($of: RepositorySelector!) {
    schedulesOrError(repositorySelector: $of) {
        ... on Schedules { results { name scheduleState { id status } } }
    }
    sensorsOrError(repositorySelector: $of) {
        ... on Sensors { results { name sensorState { status } } }
    }
}"""
STOP = "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename } }"


def needs_no_settings(process: Process) -> bool:
    """Return whether a process is the web server or the daemon, which need no token either."""
    return any(name in process.command for name in ("dagster_webserver", "dagster._daemon"))


def ours(environment) -> dict[str, str]:
    names = ("GIVLAKE_", "GIVENERGY_", "DAGSTER_HOME")
    return {name: text for name, text in environment.items() if name.startswith(names)}


def quarter_after(moment: datetime) -> str:
    """Give the next quarter of an hour in London, at which `poll` ticks."""
    whole = moment.replace(minute=moment.minute // 15 * 15)
    return f"{(whole + timedelta(minutes=15)).astimezone(ZoneInfo('Europe/London')):%H:%M}"


@pytest.mark.new_folder
@pytest.mark.processes
@pytest.mark.slow
def test_the_demo_uses_its_simulator_only_whatever_the_owner_has_set(simulate, own, tmp_path):
    """Dagster read `.env`: a run wrote the real account's rows into the demo's folder."""
    real = simulate(inverters=5)
    owner = own(real, GIVLAKE_LOG_LEVEL="ERROR", GIVLAKE_DATASETS="sites", GIVLAKE_RESERVE="290")
    owner.settings["GIVENERGY_API_TOKEN"] = "exported-token"
    other_home = tmp_path / "other-home"
    other_home.mkdir()
    (tmp_path / "working").mkdir()
    demo = tmp_path / "working" / "demo"
    with listening() as inbox:
        (tmp_path / "working" / ".env").write_text(
            f"GIVENERGY_API_TOKEN={real.token}\n"
            f"GIVENERGY_API_URL={real.base_url}\n"
            f"GIVLAKE_DATA={tmp_path / 'real-data'}\n"
            f"GIVLAKE_ALERT_URLS={inbox.url()}\n"
            "GIVLAKE_POLL_MINUTES=1\n"
            f"DAGSTER_HOME={other_home}\n"
        )
        environment = {**owner.environment, "DAGSTER_HOME": str(other_home), "UNRELATED": "kept"}
        began = datetime.now(UTC)
        with page(tmp_path / "working", environment, "--demo", "demo") as dagster:
            states = dagster.graphql(STATES, of=REPOSITORY)
            printed_by = datetime.now(UTC)
            dagster.until(lambda: dagster.has_started(*OF_DAGSTER))
            assert dagster.run("poll") == "SUCCESS"
            schedules = states["schedulesOrError"]["results"]
            (compaction,) = [one for one in schedules if one["name"] == "compact_archive_daily"]
            dagster.graphql(STOP, id=compaction["scheduleState"]["id"])

    # Every process, those that the run took and that have ended included.
    (server,) = [one for one in dagster.seen.values() if "-m simulator" in one.command]
    assert ours(server.environment) == {"GIVLAKE_ENV_FILE": "", "GIVLAKE_LOG_LEVEL": "ERROR"}
    others = [one for one in dagster.seen.values() if one is not server]
    assert all(any(name in one.command for one in others) for name in OF_DAGSTER)
    urls = set()
    for process in others:
        found = ours(process.environment)
        if needs_no_settings(process):
            assert found == {"GIVLAKE_ENV_FILE": "", "DAGSTER_HOME": str(demo / "dagster")}
            continue
        urls.add(found.pop("GIVENERGY_API_URL"))
        assert found == {
            "GIVENERGY_API_TOKEN": "demo-token",
            "GIVLAKE_DATA": str(demo),
            "GIVLAKE_ENV_FILE": "",
            "GIVLAKE_LOG_LEVEL": "ERROR",
            "DAGSTER_HOME": str(demo / "dagster"),
        }, process.command
        assert process.environment["UNRELATED"] == "kept"
        assert process.folder == str(demo / "dagster")
    (url,) = urls
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
    assert url != real.base_url

    # What the run has done: the environment of a process in /proc is only that of its start.
    assert real.requests == []
    assert inbox.heard == []
    with duckdb.connect(str(demo / "warehouse.duckdb"), read_only=True) as connection:
        polled = connection.sql("SELECT DISTINCT inverter_serial FROM inverter_system_readings")
        serials = {serial for (serial,) in polled.fetchall()}
    assert serials == set(Simulator(SimulatorConfig(inverters=3)).serials)
    assert serials < set(real.serials)
    assert not (tmp_path / "real-data").exists()
    assert list(other_home.iterdir()) == []

    assert {one["scheduleState"]["status"] for one in schedules} == {"RUNNING"}
    # They are there with alerts only, and the owner's addresses are not the demo's.
    assert states["sensorsOrError"]["results"] == []

    first, health, heading, *ticks = dagster.output_lines
    # After them comes what Dagster says.
    ticks = list(takewhile(lambda line: line.startswith("  "), ticks))
    assert first.startswith(f"Dagster: http://127.0.0.1:{dagster.port} (state in {demo}")
    assert health == f"Health:  http://127.0.0.1:{dagster.port}/server_info"
    assert heading == "Next scheduled runs (times in Europe/London):"
    assert all(len(line) <= 79 for line in ticks)
    printed = " ".join(ticks)
    assert sorted(re.findall(r"[a-z]+_[a-z_]+|poll", printed)) == sorted(
        one["name"] for one in schedules
    )
    (line,) = [line for line in ticks if "poll" in line]
    assert line.split()[1] in {quarter_after(began), quarter_after(printed_by)}

    # Who stops a schedule in Dagster finds it stopped the next time.
    settings = settings_of({"GIVLAKE_DATA": str(demo)})
    with patch.dict("os.environ"), open_instance(settings) as instance:
        assert stopped_instigators(instance, None) == {"compact_archive_daily"}


@pytest.mark.processes
@pytest.mark.slow
def test_dagster_has_the_settings_of_the_command_that_starts_it(simulate, own, tmp_path):
    """A token in `.env` won over the one that was exported, in Dagster's processes only."""
    owner = own(simulate(inverters=1), GIVLAKE_DATA="data", GIVLAKE_DATASETS="sites")
    (tmp_path / ".env").write_text(
        "GIVENERGY_API_TOKEN=another-token\nGIVLAKE_RESERVE=7\nGIVLAKE_DATA=other\n"
    )
    with page(tmp_path, owner.environment) as dagster:
        dagster.until(lambda: dagster.has_started(*OF_DAGSTER))
    for process in dagster.seen.values():
        if needs_no_settings(process):
            home = str(tmp_path / "data" / "dagster")
            assert ours(process.environment) == {"GIVLAKE_ENV_FILE": "", "DAGSTER_HOME": home}
            continue
        assert ours(process.environment) == {
            **owner.settings,
            "GIVLAKE_DATA": str(tmp_path / "data"),
            "GIVLAKE_RESERVE": "7",
            "GIVLAKE_ENV_FILE": "",
            "DAGSTER_HOME": str(tmp_path / "data" / "dagster"),
        }, process.command
    assert not (tmp_path / "other").exists()


@pytest.mark.new_folder
@pytest.mark.processes
@pytest.mark.slow
def test_the_commands_of_the_demo_ask_its_simulator_only(simulate, own, tmp_path):
    real = simulate(inverters=1)
    owner = own(real)
    home = tmp_path / "other-home"
    home.mkdir()
    owner.settings.update(DAGSTER_HOME=str(home))
    (tmp_path / ".env").write_text("GIVLAKE_POLL_MINUTES=nonsense\n")
    done = owner.process("demo", "--days", 1, "--inverters", 1, "--data", "demo")
    assert done.status == 0, done.err
    assert real.requests == []
    assert list(home.iterdir()) == []
    assert not owner.data.exists()
    assert (tmp_path / "demo" / "dagster" / "history").is_dir()


@pytest.mark.slow
@pytest.mark.processes
def test_the_page_of_a_demo_simulates_the_account_that_the_demo_has_fetched(tmp_path):
    """A later day, or other numbers, made counters jump and devices vanish."""
    longer = date.today() - timedelta(days=60)
    with simulated_account(tmp_path, inverters=5, days=60):
        pass
    for options in ({}, {"inverters": 5, "days": 30}):
        with simulated_account(tmp_path, **options) as environment:
            answer = requests.get(
                f"{environment['GIVENERGY_API_URL']}/communication-device",
                params={"pageSize": 100},
                headers={
                    "Authorization": f"Bearer {environment['GIVENERGY_API_TOKEN']}",
                    "Accept": "application/json",
                },
                timeout=TIMEOUT_S,
            ).json()
        behind = [one["inverter"] for one in answer["data"] if one["inverter"]]
        inverters = [one for one in behind if one["info"]["model"] != "Plant EMS"]
        assert len(inverters) == 5
        assert {one["commission_date"][:10] for one in behind} == {f"{longer}"}


@pytest.mark.new_folder
def test_the_demo_refuses_the_folder_of_an_account(simulate, own):
    owner = own(simulate(inverters=1))
    with owner.lake() as lake:
        lake.state.set("known_devices", ["CE1234G567"])
    for command in (("ui", "--demo"), ("demo", "--data")):
        done = owner.givlake(*command, owner.data)
        assert (done.status, done.out) == (2, "")
        assert f"{owner.data} contains data of other devices than the demo's" in done.err
        assert "such as CE1234G567: use another folder" in done.err


@pytest.mark.slow
def test_a_file_that_dagster_would_prefer_to_the_settings_is_refused(simulate, own, tmp_path):
    owner = own(simulate(inverters=1), DAGSTER_HOME=str(tmp_path))
    (tmp_path / ".env").write_text("GIVENERGY_API_TOKEN=another-token\n")
    done = owner.givlake("ui")
    assert (done.status, done.out) == (2, "")
    assert f"Dagster would load {tmp_path / '.env'} in place" in done.err
    assert "unset DAGSTER_HOME" in done.err


@pytest.mark.slow_but_first
@pytest.mark.new_folder
@pytest.mark.parametrize(
    ("named", "reserve"), [(None, 5), ("", 0), ("other.env", 9), ("{folder}/other.env", 9)]
)
def test_the_settings_file_can_be_named(simulate, own, tmp_path, named, reserve):
    owner = own(simulate(inverters=1))
    (tmp_path / ".env").write_text("GIVLAKE_RESERVE=5\nGIVENERGY_API_TOKEN=of-the-file\n")
    (tmp_path / "other.env").write_text("GIVLAKE_RESERVE=9\nGIVENERGY_API_TOKEN=of-the-file\n")
    if named is not None:
        owner.settings["GIVLAKE_ENV_FILE"] = named.format(folder=tmp_path)
    with owner.environment_set():
        found = load_settings()
    assert found.reserve == reserve
    assert found.token == owner.settings["GIVENERGY_API_TOKEN"]


@pytest.mark.new_folder
def test_a_settings_file_that_is_named_has_to_be_there(simulate, own, tmp_path):
    owner = own(simulate(inverters=1), GIVLAKE_ENV_FILE="mistyped.env")
    with owner.environment_set(), pytest.raises(SettingsError) as raised:
        load_settings()
    assert "GIVLAKE_ENV_FILE is 'mistyped.env', which does not exist" in str(raised.value)
    (tmp_path / "mistyped.env").write_bytes(b"GIVLAKE_RESERVE=\xff\xfe\n")
    with owner.environment_set(), pytest.raises(SettingsError, match="cannot be read"):
        load_settings()


def test_child_processes_have_the_credentials_of_the_settings_file(tmp_path, monkeypatch):
    """A scheduled publication reads no settings file."""
    file = tmp_path / ".env"
    file.write_text("GIVLAKE_DATA=data\nAWS_SECRET_ACCESS_KEY=secret\nPATH=elsewhere\n")
    monkeypatch.setenv("GIVLAKE_ENV_FILE", str(file))
    environment = own_environment(load_settings())
    assert environment["AWS_SECRET_ACCESS_KEY"] == "secret"
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["GIVLAKE_ENV_FILE"] == ""
