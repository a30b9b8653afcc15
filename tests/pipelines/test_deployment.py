"""The files in `deploy/`: they parse, and the commands in them work where they say."""

import json
import os
import plistlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import RunLauncher
from dagster._serdes import ConfigurableClassData
from sqlalchemy import make_url

from pipelines.cli.help_texts import help_texts
from pipelines.dagster_workarounds.postgres import KeptPostgresStorage
from tests.support.dagster_page import page
from tests.support.http_listener import Listener, listening
from tests.support.import_graph import REPOSITORY
from tests.support.timeouts import TIMEOUT_S
from tests.support.two_accounts import NORTH, TOKENS, TwoAccounts

DEPLOY = REPOSITORY / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
AGENTS = sorted((DEPLOY / "launchd").iterdir())
COMPOSE = DEPLOY / "docker" / "compose.yaml"
FLEET = COMPOSE.with_name("compose.fleet.yaml")
HARDENING = (
    "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes",
    "StateDirectoryMode=0700", "RestrictSUIDSGID=yes", "SystemCallFilter=@system-service",
)  # fmt: skip
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


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


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
def test_the_timers_of_an_account_work_with_the_settings_of_the_guide(simulate, tmp_path, listener):
    operator = TwoAccounts(tmp_path, simulate(inverters=1, tokens=TOKENS))
    guide = (REPOSITORY / "docs" / "fleet.md").read_text()
    (listing,) = re.findall(r"^```ini\n(.+?)^```$", guide, re.MULTILINE | re.DOTALL)
    replaced = {
        "GIVENERGY_API_TOKEN": TOKENS[0].token,
        "GIVLAKE_ALERT_URLS": listener.url(),
        "GIVLAKE_PUBLISH_TO": str(tmp_path / "published"),
    }
    file = operator.accounts / f"{NORTH}.env"
    named = re.findall(r"^(\w+)=", listing, re.MULTILINE)
    lines = "".join(f"{name}={replaced[name]}\n" for name in named)
    file.write_text(file.read_text() + lines)
    enabled = re.findall(r"givlake-(\w+)@north\.timer", guide.partition("enable --now")[2])
    for name in dict.fromkeys(enabled):
        unit = (DEPLOY / "systemd" / f"givlake-{name}@.service").read_text()
        (command,) = re.findall(r"^ExecStart=/opt/givlake/bin/givlake (.+)$", unit, re.MULTILINE)
        done = operator.process(*command.replace("%i", NORTH).split())
        assert done.status == 0, (name, done.output)
    assert (tmp_path / "published").is_dir()


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


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_hardened(unit):
    done = subprocess.run(
        [str(SYSTEMD_ANALYZE), "security", "--offline=true", "--threshold=20", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    # Of 100; 18 points are the network, writable memory and system calls that Python needs.
    assert done.returncode == 0, done.stdout[-200:]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_runs_a_command_as_a_user_of_its_own(unit):
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=/opt/givlake/bin/givlake (.+)$", text, re.MULTILINE)
    assert_is_command(command.split(), is_for_account="@" in unit.name)
    assert "\nUser=givlake\n" in text
    assert "\nWorkingDirectory=%S/givlake\n" in text
    for line in HARDENING:
        assert f"\n{line}\n" in text
    # Even a command without requests may need a budget in PostgreSQL.
    assert "PrivateNetwork=yes" not in text
    # These run until they are stopped, the others when their timer says.
    if "\nType=oneshot\n" in text:
        timer = unit.with_suffix(".timer").read_text()
        assert "\nOnCalendar=" in timer


def test_no_two_accounts_start_at_the_same_moment():
    for name in ("sync", "publish", "alert"):
        timer = (DEPLOY / "systemd" / f"givlake-{name}@.timer").read_text()
        assert "FixedRandomDelay=yes" in timer
        assert int(re.findall(r"RandomizedDelaySec=(\d+)", timer)[0]) >= 1200


def assert_is_command(words, *, is_for_account=False):
    """Check that givlake has a command and the options that a file calls it with."""
    words = list(words)
    if is_for_account:
        assert words.pop(0) == "--account"
        words.pop(0)
    name, *options = words
    known = {
        each
        for param in help_texts()["commands"][name]["params"]
        for each in param.get("names", [])
    }
    assert {option for option in options if option.startswith("--")} <= known


def test_the_services_of_a_fleet_fit_together():
    fleet = yaml.safe_load(FLEET.read_text())
    services = fleet["services"]
    workspace = yaml.safe_load((FLEET.parent / fleet["configs"]["workspace"]["file"]).read_text())
    servers = [each["grpc_server"] for each in workspace["load_from"]]
    assert [server["host"] for server in servers] == ["north", "south"]
    for server in servers:
        name = server["location_name"]
        service = services[server["host"]]
        words = service["command"]
        assert words[:2] == ["--account", name]
        assert_is_command(words, is_for_account=True)
        assert words[-1] == str(server["port"])
        assert service["volumes"] == [f"{name}:/data"]
        (secret,) = [each for each in service["secrets"] if each != "pgpass"]
        folder = service["environment"]["GIVLAKE_ACCOUNTS"]
        assert secret == {"source": name, "target": f"{folder}/{name}.env"}
        assert fleet["secrets"][name]["file"] == f"secrets/{name}.env"
        assert service["networks"] == ["inner", "outer"]
    for name in ("web", "daemon"):
        program = shutil.which(services[name]["entrypoint"][0], path=str(PROGRAM.parent))
        assert program is not None
        assert "--workspace=/etc/givlake/workspace.yaml" in services[name]["entrypoint"]
        assert set(services[name]["depends_on"]) == {server["host"] for server in servers}
    # An address other than loopback would offer Dagster, which has no password, to the network.
    assert services["web"]["ports"] == ["127.0.0.1:3000:3000"]
    assert [name for name, each in services.items() if "ports" in each] == ["web"]
    assert fleet["networks"]["inner"] == {"internal": True}
    assert services["postgres"]["networks"] == ["inner"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service.get("read_only") or name == "postgres"
        assert "healthcheck" in service or name == "web"
    used = {each if isinstance(each, str) else each["source"] for each in _secrets(services)}
    assert used == {*fleet["secrets"]}
    assert "deploy/docker/secrets/" in (REPOSITORY / ".gitignore").read_text().splitlines()
    # No secret is in the file.
    assert "PASSWORD:" not in FLEET.read_text()


def _secrets(services):
    return [secret for service in services.values() for secret in service.get("secrets", ())]


def test_the_instance_of_a_fleet_differs_in_its_storage_alone():
    fleet = yaml.safe_load((FLEET.parent / "fleet" / "dagster.yaml").read_text())
    own = yaml.safe_load((REPOSITORY / "pipelines" / "dagster.yaml").read_text())
    storages = {name for name in own if name.endswith("_storage")}
    assert {name: fleet[name] for name in fleet if name not in ("storage", "concurrency")} == {
        name: own[name] for name in own if name not in storages
    }
    storage = fleet["storage"]["custom"]
    assert (storage["module"], storage["class"]) == (
        KeptPostgresStorage.__module__, KeptPostgresStorage.__name__,
    )  # fmt: skip
    url = make_url(storage["config"]["postgres_url"])
    assert url.password is None
    assert url.host in yaml.safe_load(FLEET.read_text())["services"]


def test_the_files_for_kubernetes_fit_together():
    values = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())
    service, account = yaml.safe_load_all((DEPLOY / "kubernetes" / "accounts.yaml").read_text())
    servers = values["dagsterWebserver"]["workspace"]["servers"]
    assert service["metadata"]["name"] in [server["host"] for server in servers]
    assert service["spec"]["ports"] == [{"port": servers[0]["port"]}]
    assert account["spec"]["replicas"] == 1
    pod = account["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert_is_command(container["args"], is_for_account=True)
    assert container["args"][-1] == str(servers[0]["port"])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert {environment["DAGSTER_HOME"], environment["GIVLAKE_ACCOUNTS"], "/data"} <= mounts
    assert environment["DAGSTER_HOME"] == values["global"]["dagsterHome"]
    volumes = [volume["name"] for volume in pod["volumes"]]
    assert {mount["name"] for mount in container["volumeMounts"]} == {*volumes, "data"}
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    (claim,) = account["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    launcher = values["runLauncher"]["config"]["customRunLauncher"]
    loaded = ConfigurableClassData(launcher["module"], launcher["class"], "{}").rehydrate(
        as_type=RunLauncher
    )
    assert type(loaded).__name__ == "DefaultRunLauncher"
    assert values["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"
    assert values["dagster-user-deployments"] == {"enabled": True, "enableSubchart": False}


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint")
def test_hadolint_accepts_the_dockerfile():
    subprocess.run(["hadolint", str(COMPOSE.with_name("Dockerfile"))], check=True)


def test_the_image_runs_as_a_user_of_its_own_and_has_the_extras():
    lines = COMPOSE.with_name("Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", lines, re.MULTILINE) == ["10001"]
    assert re.findall(r"^FROM (.+)$", lines, re.MULTILINE) == ["${BASE} AS build", "${BASE}"]
    assert "-r constraints.txt -r constraints-extras.txt" in lines
    assert "\nHEALTHCHECK " in lines
    (command,) = re.findall(r"^CMD (.+)$", lines, re.MULTILINE)
    assert_is_command(json.loads(command))


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
