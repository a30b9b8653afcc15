"""The files in `deploy/`: they parse, and the commands in them work where they say."""

import os
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tests.support.dagster_page import page
from tests.support.import_graph import REPOSITORY
from tests.support.timeouts import TIMEOUT_S

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
AGENTS = sorted((DEPLOY / "launchd").iterdir())
COMPOSE = DEPLOY / "docker" / "compose.yaml"
PROGRAM = Path(sys.executable).with_name("givlake")
HEALTH = "{instance{daemonHealth{allDaemonStatuses{healthy}}}}"
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")


def cron_lines() -> list[tuple[str, str]]:
    """Return times and command of each line of the crontab."""
    lines = (DEPLOY / "cron" / "crontab").read_text().splitlines()
    fields = [line.split(maxsplit=5) for line in lines if not line.startswith("#")]
    return [(" ".join(times), command) for *times, command in fields]


def agent(file: Path) -> dict:
    return plistlib.loads(file.read_bytes())


@pytest.fixture
def home(simulate, tmp_path) -> Path:
    """A home folder as docs/running.md describes it: settings, data and program in fixed places."""
    api = simulate(inverters=1)
    folder = tmp_path / "givlake"
    folder.mkdir(mode=0o700)
    settings = folder / ".env"
    settings.touch(mode=0o600)
    settings.write_text(
        f"GIVENERGY_API_TOKEN={api.token}\nGIVENERGY_API_URL={api.base_url}\nGIVLAKE_RETRY_S=0\n"
        "GIVLAKE_DATASETS=inverter_data_points\nGIVLAKE_ALERT_APP=1\n"
    )
    programs = tmp_path / ".local" / "bin"
    programs.mkdir(parents=True)
    (programs / "givlake").symlink_to(PROGRAM)
    return tmp_path


def run(command: list[str], folder: Path, **options: object) -> int:
    """Run a command with the few variables that cron and service managers set."""
    ours = {name: os.environ[name] for name in os.environ if name.startswith(("PYTHON", "TEST_"))}
    environment = {**ours, "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, timeout=TIMEOUT_S, check=False, **options
    )
    return done.returncode


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("manager", ["cron", "launchd"])
def test_sync_and_alert_work_in_a_home_folder(home, manager):
    if manager == "cron":
        commands = [["/bin/sh", "-c", command] for _, command in cron_lines()]
    else:
        files = [file for file in AGENTS if "ui" not in file.name]
        commands = [agent(file)["ProgramArguments"] for file in reversed(files)]
    assert ["sync" in commands[0][-1], "alert" in commands[1][-1]] == [True, True]
    for command in commands:
        assert run(command, home) == 0, (home / "givlake" / "givlake.log").read_text()
    assert (home / "givlake" / "data" / "warehouse.duckdb").exists()
    assert "Traceback" not in (home / "givlake" / "givlake.log").read_text()
    assert sorted(path.name for path in home.iterdir()) == [".local", "givlake"]


@pytest.mark.processes
@pytest.mark.slow
def test_the_services_of_systemd_sync_and_send_alerts(home):
    state = home / "givlake"
    for name in ("sync", "alert"):
        unit = (DEPLOY / "systemd" / f"givlake-{name}.service").read_text()
        (command,) = re.findall(r"^ExecStart=/opt/givlake/bin/givlake (.+)$", unit, re.MULTILINE)
        assert "WorkingDirectory=%S/givlake\n" in unit
        assert run([str(PROGRAM), *command.split()], state) == 0
    assert (state / "data" / "warehouse.duckdb").exists()


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.usefixtures("machine_clock")
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_page_is_healthy_by_the_checks_of_running_md(simulate, own):
    owner = own(simulate(inverters=1))
    text = (REPOSITORY / "docs" / "running.md").read_text()
    lines = [line.strip() for line in text.splitlines() if "&& echo ok" in line]
    lines += [line.strip() for line in text.splitlines() if "liveness-check" in line]
    assert len(lines) == 3
    (_, _, _, in_container) = yaml.safe_load(COMPOSE.read_text())["services"]["givlake"][
        "healthcheck"
    ]["test"]
    with page(owner.folder, owner.environment) as dagster:

        def are_healthy() -> bool:
            daemons = dagster.graphql(HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
            return all(daemon["healthy"] for daemon in daemons)

        dagster.until(are_healthy)
        address = f"127.0.0.1:{dagster.port}"
        environment = {**owner.environment, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
        for line in lines:
            shown = subprocess.run(
                line.replace("127.0.0.1:3000", address),
                shell=True,
                cwd=owner.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert shown.stdout.strip() in ("ok", "Daemon live"), line + shown.stderr
        program = in_container.replace("127.0.0.1:3000", address)
        subprocess.run([sys.executable, "-c", program], check=True)


def test_each_time_of_the_crontab_is_valid():
    times = [when for when, _ in cron_lines()]
    for when in times:
        dg.ScheduleDefinition(name="any", cron_schedule=when, job_name="any")
    assert times == ["5,35 * * * *", "15 9 * * *"]


@pytest.mark.parametrize("file", AGENTS, ids=lambda file: file.name)
def test_an_agent_of_launchd_starts_a_command(file):
    found = agent(file)
    name = found["Label"].removeprefix("givlake.")
    assert file.name == f"givlake.{name}.plist"
    program = f'cd "$HOME/givlake" && exec "$HOME/.local/bin/givlake" {name} >>givlake.log 2>&1'
    assert found["ProgramArguments"] == ["/bin/sh", "-c", program]
    assert {"RunAtLoad", "StartCalendarInterval"} & {*found}


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(tmp_path):
    assert {unit.name for unit in UNITS} >= {"givlake-ui.service", "givlake-sync.timer"}
    for unit in UNITS:
        text = unit.read_text().replace("/opt/givlake/bin", str(PROGRAM.parent))
        (tmp_path / unit.name).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [str(SYSTEMD_ANALYZE), "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    # It also names faults of the machine's own units.
    assert [line for line in done.stderr.splitlines() if "givlake" in line] == []


def test_the_image_is_built_from_files_that_are_there():
    service = yaml.safe_load(COMPOSE.read_text())["services"]["givlake"]
    context = (COMPOSE.parent / service["build"]["context"]).resolve()
    assert context == REPOSITORY
    dockerfile = context / service["build"]["dockerfile"]
    assert dockerfile.read_text().startswith("#")
    ignored = dockerfile.with_name("Dockerfile.dockerignore").read_text().splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    assert [name for name in kept if not (context / name).exists()] == []
    # An address other than loopback would offer Dagster, which has no password, to the network.
    assert service["ports"] == ["127.0.0.1:3000:3000"]
