"""Connections: kept, closed and cut; what is not HTTP; many at once."""

import socket
import threading
import time

import pytest
import requests

from simulator import Simulator, SimulatorConfig
from tests.support.timeouts import TIMEOUT_S


@pytest.fixture
def sim():
    with Simulator() as simulator:
        yield simulator


def connect(sim):
    host, _, port = sim.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)


def head(method="GET", path="/v1/account", version="HTTP/1.1", **headers):
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode()


def read_to_end(connection):
    """Read until the other side closes; a reset counts as the end."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def test_stop_is_a_network_that_is_away_and_start_brings_the_same_port(sim):
    url = sim.base_url
    sim.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(sim)
    sim.start()
    assert sim.base_url == url
    with connect(sim) as connection:
        connection.sendall(head())
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_connections_are_kept_and_closed_as_set(ask):
    with Simulator() as sim:
        for _ in range(5):
            ask(sim, "/account")
        assert sim.stats()["connections"] == 1
    with Simulator(SimulatorConfig(requests_per_connection=2)) as sim:
        for _ in range(5):
            ask(sim, "/account")
        assert sim.stats()["connections"] == 3


def test_stop_cuts_open_connections_and_leaves_no_thread():
    before = threading.active_count()
    sim = Simulator()
    sim.start()
    idle = [connect(sim) for _ in range(20)]
    sim.set_faults(stall_s=3_600)
    sim.fail("account", fault="stall")
    idle[0].sendall(head())
    while not sim.requests:
        time.sleep(0.01)
    sim.stop()
    assert threading.active_count() == before
    for connection in idle:
        assert read_to_end(connection) == b""
        connection.close()


def test_two_hundred_connections_at_once(sim):
    connections = [connect(sim) for _ in range(200)]
    for connection in connections:
        connection.sendall(head())
    for connection in connections:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        connection.close()
    assert sim.stats()["connections"] == 200


def test_an_idle_connection_is_closed():
    with Simulator(SimulatorConfig(keep_alive_s=0.2)) as sim, connect(sim) as connection:
        assert read_to_end(connection) == b""


@pytest.mark.parametrize(
    ("request_head", "is_kept"),
    [
        (head(), True),
        (head(Connection="close"), False),
        (head(version="HTTP/1.0"), False),
        (head(version="HTTP/1.0", Connection="keep-alive"), True),
    ],
)
def test_the_client_chooses_whether_a_connection_is_kept(sim, request_head, is_kept):
    with connect(sim) as connection:
        connection.sendall(request_head)
        header = b"\r\nConnection: keep-alive\r\n" if is_kept else b"\r\nConnection: close\r\n"
        if is_kept:
            assert header in connection.recv(65_536)
            connection.sendall(head(Connection="close"))
            assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")
        else:
            assert header in read_to_end(connection)


def test_pipelined_requests_get_their_responses_in_order(sim):
    with connect(sim) as connection:
        connection.sendall(head(path="/v1/x") + head(path="/v1/y", Connection="close"))
        assert read_to_end(connection).count(b"HTTP/1.1 200 ") == 2
    assert [record.path for record in sim.requests] == ["/v1/x", "/v1/y"]


def test_head_has_the_length_but_no_body(sim):
    with connect(sim) as connection:
        connection.sendall(head("HEAD", Connection="close"))
        sent = read_to_end(connection)
    assert sent.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in sent


def test_a_body_is_read_after_100_continue(sim):
    with connect(sim) as connection:
        connection.sendall(
            head("POST", "/v1/x", Content_Length=2, Expect="100-continue", Connection="close")
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"good day\r\n\r\n",
        b"GET /v1/account HTTP/2.0\r\n\r\n",
        b"GET /v1/account HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /" + (65_536 - 5) * b"x",
        head("POST", Content_Length="two"),
        head("POST", Content_Length=10**9),
        head("POST", Transfer_Encoding="chunked"),
        head("POST", Content_Length=5) + b"{}",
    ],
)
def test_what_is_not_http_is_400_and_ends_the_connection(sim, sent):
    with connect(sim) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        read_to_end(connection)
    assert sim.requests == []


def test_small_responses_do_not_wait_for_acknowledgements(sim):
    """With Nagle's algorithm or two writes each response could take 40 ms more."""
    headers = {"Authorization": f"Bearer {sim.token}", "Accept": "application/json"}
    with requests.Session() as session:
        session.trust_env = False

        def duration_s():
            started = time.perf_counter()
            session.get(f"{sim.base_url}/account", headers=headers, timeout=TIMEOUT_S)
            return time.perf_counter() - started

        # Where it is so none is quick; on a busy machine it may take many until one is.
        assert any(duration_s() < 0.03 for _ in range(2_000))
