"""The services of `compose.fleet.yaml` as processes: code servers, web server, daemon."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.dagster_page import Page, is_running, processes_below
from tests.support.import_graph import REPOSITORY
from tests.support.owner import Owner, command
from tests.support.ports import free_port
from tests.support.timeouts import TIMEOUT_S

_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
    name locationOrLoadError { __typename }
} } } }"""
_RELOAD = """mutation($name: String!) {
    reloadRepositoryLocation(repositoryLocationName: $name) { __typename }
}"""
_INSTANCE = REPOSITORY / "deploy" / "docker" / "fleet" / "dagster.yaml"


@dataclass
class FleetServices:
    """Running services; each has a folder of its own with its output and Dagster's settings.

    Attributes:
        folder: The folder of all.
        page: The web server.
        processes: All of them by name; code servers have the names of their accounts.
    """

    folder: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    page: Page = field(init=False)
    _started: dict[str, tuple[Sequence[str], Mapping[str, str]]] = field(default_factory=dict)

    def start(
        self, name: str, words: Sequence[str], environment: Mapping[str, str], home: str = ""
    ) -> None:
        """Start a service with Dagster's settings in a folder of its own, named as it or `home`."""
        self._started[name] = (words, environment)
        home_folder = self.folder / (home or name)
        with (home_folder / "out").open("ab") as out, (home_folder / "err").open("ab") as err:
            self.processes[name] = subprocess.Popen(
                list(words),
                cwd=home_folder,
                env={**environment, "DAGSTER_HOME": str(home_folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def kill(self, name: str) -> None:
        """Kill a service and all that it started, as the machine that it runs on would end."""
        service = self.processes[name]
        pids = [service.pid, *(each.pid for each in processes_below(service.pid))]
        # All stop first, so that none sees another one end.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        service.wait(TIMEOUT_S)

    def start_elsewhere(self, name: str) -> None:
        """Start a killed service with the same address, but none of its files of Dagster."""
        home = f"{name}-elsewhere"
        (self.folder / home).mkdir()
        shutil.copy(self.folder / name / "dagster.yaml", self.folder / home)
        words, environment = self._started[name]
        self.start(name, words, environment, home)

    def wait_for(self, name: str, port: int) -> None:
        """Wait until a service accepts connections."""
        deadline = time.monotonic() + TIMEOUT_S
        while not _accepts(port):
            log = (self.folder / name / "err").read_text()
            assert self.processes[name].poll() is None, f"{name}: {log[-5000:]}"
            assert time.monotonic() < deadline, f"{name}: {log[-5000:]}"
            time.sleep(0.2)

    def wait_until_loaded(self, names: Collection[str]) -> None:
        """Wait until the web server has loaded the code of accounts.

        On a busy machine it gives up for one that answers late, until it is told to look again.
        """

        def are_loaded() -> bool:
            workspace = self.page.graphql(_LOCATIONS)["workspaceOrError"]
            loaded = {
                entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename")
                for entry in workspace["locationEntries"]
            }
            for name in names:
                if loaded.get(name) == "PythonError":
                    self.page.graphql(_RELOAD, name=name)
            return all(loaded.get(name) == "RepositoryLocation" for name in names)

        self.page.until(are_loaded)

    def stop(self) -> None:
        """End all of them."""
        started = [each for one in self.processes.values() for each in processes_below(one.pid)]
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        # A code server that ends leaves its child, which ends when it has not heard of it for long.
        for each in started:
            if is_running(each):
                os.kill(each.pid, signal.SIGKILL)


def fleet_instance(database: str) -> dict[str, Any]:
    """Return the settings of Dagster's instance for another database than the file's."""
    instance: dict[str, Any] = yaml.safe_load(_INSTANCE.read_text())
    instance["storage"]["custom"]["config"]["postgres_url"] = database
    return instance


@contextlib.contextmanager
def fleet_services(
    folder: Path, owners: Mapping[str, Owner], database: str
) -> Iterator[FleetServices]:
    """Run the services of some accounts on one PostgreSQL, all started as the file starts them.

    Args:
        folder: An empty folder.
        owners: The owners of the accounts by the accounts' names.
        database: Address of an empty database.
    """
    instance = fleet_instance(database)
    for name in (*owners, "web", "daemon"):
        (folder / name).mkdir(parents=True)
        (folder / name / "dagster.yaml").write_text(yaml.safe_dump(instance))
    services = FleetServices(folder)
    try:
        ports = {}
        for name, owner in owners.items():
            ports[name] = free_port()
            words = command("code-server", "--port", ports[name])
            services.start(name, words, owner.environment)
        for name, port in ports.items():
            services.wait_for(name, port)
        servers = [
            {"grpc_server": {"host": "127.0.0.1", "port": port, "location_name": name}}
            for name, port in ports.items()
        ]
        workspace = folder / "workspace.yaml"
        workspace.write_text(yaml.safe_dump({"load_from": servers}))
        # They know no token and no data folder.
        hidden = ("GIVLAKE_", "GIVENERGY_", "DAGSTER_")
        environment = {n: text for n, text in os.environ.items() if not n.startswith(hidden)}
        programs, port = Path(sys.executable).parent, free_port()
        web = [str(programs / "dagster-webserver"), "--host=127.0.0.1", f"--port={port}"]
        services.start("web", [*web, f"--workspace={workspace}"], environment)
        daemon = [str(programs / "dagster-daemon"), "run", f"--workspace={workspace}"]
        services.start("daemon", daemon, environment)
        services.page = Page(services.processes["web"], port, folder / "web")
        services.wait_for("web", port)
        services.wait_until_loaded(owners)
        yield services
    finally:
        services.stop()


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
