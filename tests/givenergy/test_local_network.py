"""Proxies and certificates of this machine: what is wrong with them is named and not retried."""

import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from givenergy.endpoints.account_endpoints import ACCOUNT
from givenergy.errors import LocalFaultError
from givenergy.local_network import network_settings

HTTPS = "https://api.example.org/v1"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROXIES = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in (*BUNDLES, *PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5h://proxy:1080", "a socks5h proxy, for which the package PySocks is missing"),
        ("ftp://proxy:21", "is not the address of a proxy"),
        ("http://user:sesame@[bad", "is not the address of a proxy"),
        ("http://proxy:port", "is not the address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch, value, words):
    monkeypatch.setenv("HTTPS_PROXY", value)
    monkeypatch.setattr("givenergy.local_network.find_spec", lambda name: None)
    with pytest.raises(LocalFaultError) as error:
        network_settings(HTTPS)
    assert "HTTPS_PROXY" in str(error.value)
    assert words in str(error.value)
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("value", ["proxy:3128", "http://user:sesame@proxy:3128", "https://proxy"])
def test_a_usual_proxy_is_used(monkeypatch, value):
    monkeypatch.setenv("all_proxy", value)
    settings = network_settings(HTTPS)
    assert (settings.proxies["all"], settings.proxy_setting) == (value, "all_proxy")
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize("variable", BUNDLES)
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.write_text("hello"), "contains no certificate in PEM format"),
        (lambda path: path.write_bytes(b""), "contains no certificate in PEM format"),
        (lambda path: path.mkdir(), "is a folder without certificates"),
    ],
)
def test_trusted_certificates_that_cannot_be_used_are_named(
    monkeypatch, tmp_path, variable, make, words
):
    path = tmp_path / "bundle.pem"
    make(path)
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(LocalFaultError, match=f"{variable} is '{path}', which {words}"):
        network_settings(HTTPS)
    assert network_settings("http://127.0.0.1:1/v1").bundle is None


def test_of_a_list_of_folders_the_first_that_exists_is_used(monkeypatch, tmp_path):
    """OpenSSL takes a list; it was refused as a folder that does not exist."""
    (tmp_path / "0123abcd.0").write_text("a certificate")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'absent'}:{tmp_path}")
    assert network_settings(HTTPS).bundle == tmp_path


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"data": {"id": 1}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def serve():
    """Start servers on loopback; return the port, and the connections so far as a list."""
    servers = []

    def start(certificate=None):
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, chain = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    files = ("-nodes", "-days", "36500", "-keyout", str(key), "-out", str(chain))
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    (tmp_path / "both.pem").write_text(key.read_text() + chain.read_text())
    return tmp_path / "both.pem", chain


class _Simulated:
    """What `open_client` needs of a simulator."""

    token = "a-token"

    def __init__(self, address):
        self.base_url = address


def test_an_unknown_certificate_ends_at_once_and_the_right_bundle_helps(
    serve, certificate, open_client, monkeypatch
):
    both, chain = certificate
    address = f"https://127.0.0.1:{serve(both)}/v1"
    client = open_client(_Simulated(address))
    with pytest.raises(LocalFaultError) as error:
        client.fetch(ACCOUNT)
    assert "The certificate of 127.0.0.1 is not accepted (self-signed certificate)" in str(
        error.value
    )
    assert "set REQUESTS_CA_BUNDLE to a file with its certificate" in str(error.value)
    assert client.totals.requests == client.totals.failed == 0
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    assert open_client(_Simulated(address)).fetch(ACCOUNT).complete


def test_https_to_a_port_without_encryption_ends_at_once(serve, open_client):
    client = open_client(_Simulated(f"https://127.0.0.1:{serve()}/v1"))
    with pytest.raises(LocalFaultError, match="does not answer with encryption"):
        client.fetch(ACCOUNT)
