"""Each fault as the other end of the wire sees it."""

import http.client
import json
import socket
import time
import zlib

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.timeouts import TIMEOUT_S

DAY = "/v1/inverter/XA0000G000/data-points/2024-06-01?pageSize=100000"


@pytest.fixture
def sim():
    config = SimulatorConfig(stall_s=0.4, oversized_bytes=3_000_000, storm_requests=3)
    with Simulator(config) as simulator:
        yield simulator


def fetch(sim, path=DAY, **headers):
    """Status, headers, body as they came, without decoding."""
    host, _, port = sim.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_S)
    try:
        connection.request(
            "GET",
            path,
            headers={
                "Authorization": f"Bearer {sim.token}",
                "Accept": "application/json",
                **headers,
            },
        )
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def whole_day(sim):
    return json.loads(fetch(sim)[1])


@pytest.mark.parametrize("status", [402, 500, 502, 503, 504])
def test_bare_status(sim, status):
    sim.fail("data-points", status=status)
    response, body = fetch(sim)
    assert response.status == status
    assert body
    assert response.headers["X-RateLimit-Remaining"] == "299"
    assert sim.requests[-1].fault == str(status)


def test_5xx_comes_in_four_kinds_as_json_and_as_html(sim):
    sim.set_faults({"5xx": 1})
    answers = [fetch(sim)[0] for _ in range(60)]
    assert {a.status for a in answers} == {500, 502, 503, 504}
    types = {a.headers["Content-Type"].partition(";")[0] for a in answers}
    assert types == {"application/json", "text/html"}


def test_reset_before_any_byte(sim):
    sim.fail("data-points", fault="reset")
    with pytest.raises(ConnectionResetError):
        fetch(sim)
    assert not sim.requests[-1].complete


def test_close_before_any_byte(sim):
    sim.fail("data-points", fault="close")
    with pytest.raises(http.client.RemoteDisconnected):
        fetch(sim)


def test_reset_in_the_body(sim):
    sim.fail("data-points", fault="reset_body")
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        fetch(sim)


def test_stall_before_the_first_byte_then_the_response(sim):
    expected = whole_day(sim)
    sim.fail("data-points", fault="stall")
    started = time.monotonic()
    assert whole_day(sim) == expected
    assert time.monotonic() - started >= 0.4


def test_stall_in_the_body_then_the_rest(sim):
    expected = whole_day(sim)
    sim.fail("data-points", fault="stall_body")
    started = time.monotonic()
    assert whole_day(sim) == expected
    assert time.monotonic() - started >= 0.4


def test_a_client_that_gives_up_ends_the_stall(sim):
    sim.set_faults(stall_s=3_600)
    sim.fail("data-points", fault="stall")
    host, _, port = sim.base_url.removeprefix("http://").removesuffix("/v1").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {DAY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not sim.requests:
            time.sleep(0.01)
    while sim.requests[0].complete or sim.requests[0].duration_s is None:
        time.sleep(0.01)
    assert sim.requests[0].duration_s < 3_600


def test_truncated_json_with_a_length_that_fits(sim):
    expected = json.dumps(whole_day(sim), separators=(",", ":"))
    sim.fail("data-points", fault="truncated")
    response, body = fetch(sim)
    assert int(response.headers["Content-Length"]) == len(body)
    assert body.decode() == expected[: len(expected) // 2]


def test_a_response_from_the_cache_is_truncated_to_half_as_well(sim):
    """Once, an answer kept only as gzip was cut to nothing."""
    fetch(sim)
    expected = json.dumps(whole_day(sim), separators=(",", ":"))
    sim.fail("data-points", fault="truncated")
    _, body = fetch(sim)
    assert body.decode() == expected[: len(expected) // 2]


def test_truncated_json_with_the_whole_length(sim):
    sim.fail("data-points", fault="truncated_length")
    with pytest.raises(http.client.IncompleteRead) as failure:
        fetch(sim)
    assert failure.value.partial.startswith(b'{"data":[')


@pytest.mark.parametrize(
    ("fault", "body"),
    [("empty", b""), ("null", b"null"), ("no_data", b'{"message":"Server busy."}')],
)
def test_200_that_holds_nothing(sim, fault, body):
    sim.fail("data-points", fault=fault)
    response, received = fetch(sim)
    assert (response.status, received) == (200, body)
    assert response.headers["Content-Type"] == "application/json"


def test_html_with_200(sim):
    sim.fail("data-points", fault="html")
    response, body = fetch(sim)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert body.startswith(b"<!DOCTYPE html>")


def test_json_that_is_none(sim):
    sim.fail("data-points", fault="not_json")
    with pytest.raises(json.JSONDecodeError):
        whole_day(sim)


def test_healthy_gzip_and_broken_gzip(sim):
    expected = fetch(sim)[1]
    accept = {"Accept-Encoding": "gzip, deflate"}
    response, packed = fetch(sim, **accept)
    assert response.headers["Content-Encoding"] == "gzip"
    assert zlib.decompress(packed, 31) == expected
    assert len(packed) < len(expected) / 4
    sim.fail("data-points", fault="gzip_broken")
    response, packed = fetch(sim, **accept)
    assert response.headers["Content-Encoding"] == "gzip"
    with pytest.raises(zlib.error):
        zlib.decompress(packed, 31)


def test_a_storm_of_429_without_headers(sim):
    sim.fail("data-points", fault="storm", times=1)
    answers = [fetch(sim)[0] for _ in range(4)]
    assert [a.status for a in answers] == [429, 429, 429, 200]
    assert "X-RateLimit-Limit" not in answers[0].headers
    assert "Retry-After" not in answers[0].headers


def test_a_storm_by_time(sim):
    sim.set_faults(storm_s=3_600)
    sim.fail("data-points", fault="storm", times=1)
    assert [fetch(sim)[0].status for _ in range(5)] == [429] * 5
    sim.clear_failures()
    sim.set_faults(storm_s=1)
    sim.fail("data-points", fault="storm", times=1)
    started = time.monotonic()
    assert fetch(sim)[0].status == 429
    while (status := fetch(sim)[0].status) == 429:
        time.sleep(0.05)
    assert status == 200
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("fault", ["oversized", "oversized_chunked"])
def test_an_oversized_body(sim, fault):
    sim.fail("data-points", fault=fault)
    response, body = fetch(sim)
    assert len(body) == 3_000_000
    assert ("Content-Length" in response.headers) == (fault == "oversized")


def test_a_small_body_that_unpacks_to_an_oversized_one(sim):
    sim.fail("data-points", fault="oversized_gzip")
    _, packed = fetch(sim)
    assert len(packed) < 30_000
    assert len(zlib.decompress(packed, 31)) == 3_000_000


def test_orders_are_limited_in_number_and_by_path(sim):
    sim.fail(r"2024-06-01", status=503, times=2)
    assert [fetch(sim)[0].status for _ in range(3)] == [503, 503, 200]
    sim.fail(r"2024-06-02", status=503)
    assert fetch(sim)[0].status == 200
    sim.fail(r"2024-06-01", status=500)
    sim.clear_failures()
    assert fetch(sim)[0].status == 200


def test_rates_hit_the_same_request_numbers_with_the_same_seed(ask):
    def faults(seed):
        config = SimulatorConfig(seed=seed, faults={"502": 0.2, "empty": 0.1}, rate_limit=1000)
        with Simulator(config) as sim:
            for _ in range(200):
                ask(sim, "/account")
            return [record.fault for record in sim.requests]

    first = faults(3)
    assert first == faults(3)
    assert first != faults(4)
    assert 20 <= first.count("502") <= 60
    assert 8 <= first.count("empty") <= 35


def test_override_with_bytes_and_with_a_callable(sim):
    sim.override("data-points", b'{"data":7}', times=1)
    assert whole_day(sim) == {"data": 7}
    assert whole_day(sim)["data"] == sim.truth("XA0000G000", "2024-06-01")
    sim.override("account", lambda request: request.method.encode(), status=418)
    response, body = fetch(sim, "/v1/account")
    assert (response.status, body) == (418, b"GET")
