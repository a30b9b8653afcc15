"""The processes that `givlake ui` starts: Dagster's code server, web server and daemon.

`dagster dev` starts the same ones; in Dagster 1.13 it warns that it is superseded by `dg dev`, a
development tool that needs a project folder. The daemon's module has no public name. The code is
loaded once, by the code server, which the page's button "Reload" reloads.
"""

import json
import socket
import sys
from pathlib import Path

_MODULE = "pipelines.definitions"


def code_server(socket_file: Path) -> list[str]:
    """Return the command of the code server, which also launches the runs.

    Args:
        socket_file: The socket to serve; at most about 100 characters long.
    """
    return _code_server(_MODULE, "--socket", str(socket_file))


def network_code_server(location: str | None, host: str, port: int) -> list[str]:
    """Return the command of a code server that web server and daemon reach over the network.

    Args:
        location: Name of the code location; None for the module's.
        host: Address to listen on.
        port: Port to listen on.
    """
    return _code_server(location or _MODULE, "--host", host, "--port", str(port))


def _code_server(location: str, *address: str) -> list[str]:
    return [
        *(sys.executable, "-m", "dagster", "code-server", "start"),
        *("--module-name", _MODULE, "--location-name", location),
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


def write_workspace(file: Path, socket_file: Path) -> None:
    """Write the workspace file that names the code server to web server and daemon."""
    server = {"socket": str(socket_file), "location_name": _MODULE}
    # JSON is YAML too.
    file.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))


def is_listening(socket_file: Path) -> bool:
    """Return whether a server accepts connections at a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_file))
        except OSError:
            return False
    return True
