"""The processes that `givlake ui` starts: Dagster's code server, web server and daemon.

`dagster dev` starts the same ones; in Dagster 1.13 it warns that it is superseded by `dg dev`, a
development tool that needs a project folder. The daemon's module has no public name. The code is
loaded once, by the code servers, which the page's button "Reload" reloads.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.dagster_workarounds.code_location import MODULE


def code_server(location: str, socket_file: Path) -> list[str]:
    """Return the command of a code server, which also launches the runs.

    Args:
        location: The name of the code location.
        socket_file: The socket to serve; at most about 100 characters long.
    """
    return _code_server(location, "--socket", str(socket_file))


def network_code_server(location: str, host: str, port: int) -> list[str]:
    """Return the command of a code server that web server and daemon reach over the network.

    Args:
        location: The name of the code location.
        host: Address to listen on.
        port: Port to listen on.
    """
    return _code_server(location, "--host", host, "--port", str(port))


def _code_server(location: str, *address: str) -> list[str]:
    return [
        *(sys.executable, "-m", "dagster", "code-server", "start"),
        *("--module-name", MODULE, "--location-name", location),
        *(*address, "--log-level", "warning"),
        # Runs use this interpreter: a `dagster` in the PATH can belong to another installation.
        *("--use-python-environment-entry-point", "--inject-env-vars-from-instance"),
    ]


def web_server(workspace: Path, host: str, port: int) -> list[str]:
    """Return the command of the web server."""
    return [
        *(sys.executable, "-m", "dagster_webserver", "--workspace", str(workspace)),
        *("--host", host, "--port", str(port)),
    ]


def daemon(workspace: Path) -> list[str]:
    """Return the command of the daemon, which runs schedules, sensors and queued runs."""
    return [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)]


def unwarned(locations: Sequence[str]) -> dict[str, str]:
    """Return the variable by which the daemon does not warn that it cannot load locations.

    It would every minute, with a traceback of a hundred lines.

    Args:
        locations: The names of locations that are not there on purpose.
    """
    given = os.environ.get("PYTHONWARNINGS")
    # The last one counts most.
    rules = [f"ignore:Error loading repository location {name}" for name in locations]
    return {"PYTHONWARNINGS": ",".join([*([given] if given else []), *rules])} if rules else {}


def write_workspace(file: Path, sockets: Mapping[str, Path]) -> None:
    """Write the workspace file that names the code servers to web server and daemon.

    Args:
        file: The file.
        sockets: The sockets of the code servers by the names of their locations.
    """
    servers = [
        {"grpc_server": {"socket": str(socket_file), "location_name": location}}
        for location, socket_file in sockets.items()
    ]
    # JSON is YAML too.
    file.write_text(json.dumps({"load_from": servers}))


def is_listening(socket_file: Path) -> bool:
    """Return whether a server accepts connections at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_file))
        except OSError:
            return False
    return True
