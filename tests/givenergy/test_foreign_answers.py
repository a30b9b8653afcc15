"""Answers that are not the API's own: pages of firewalls, proxies and networks, whatever status."""

import threading

import pytest

from givenergy.budget.request_budget import RequestOutcome
from givenergy.client import Client
from givenergy.endpoints.account_endpoints import ACCOUNT
from givenergy.endpoints.charger_endpoints import EV_CHARGERS
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from givenergy.envelope import error_message
from givenergy.errors import ForeignAnswerError, GivEnergyError, ProxyRefusedError
from givenergy.response import AttemptFailure, classify_response
from givenergy.retry import RetryPolicy
from givenergy.transport import RawResponse

DAY = "2024-03-05"
PAGE = b"<!DOCTYPE html><html><head><title> One\n moment </title></head><body>Wait.</body></html>"
FOREIGN = {
    "page": (PAGE, 'the HTML page "One moment"'),
    "untitled page": (b"\n<HTML><body>Blocked</body></HTML>", "an HTML page"),
    "empty": (b"", "an empty response"),
    "text": (b"Forbidden", "text"),
    "other JSON": (b'{"error": "blocked", "code": 1020}', "JSON without a message"),
    "other message": (b'{"message": {"text": "blocked"}}', "JSON without a message"),
    "null message": (b'{"message": null}', "JSON without a message"),
    "list": (b'["message"]', "JSON without a message"),
    "half": (b'{"message": "Unauth', "text"),
}


def judged(status, body, content_type="application/json", endpoint=EV_CHARGERS):
    headers = {"Content-Type": content_type, "Date": "Thu, 01 Jan 2015 00:00:00 GMT"}
    return classify_response(
        RawResponse(status, headers, body),
        what="GET /x",
        endpoint=endpoint,
        host="api.example",
        clean=str,
    )


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 451])
def test_a_status_without_the_apis_own_body_is_a_failed_request(status, kind):
    body, described = FOREIGN[kind]
    failure = judged(status, body)
    assert isinstance(failure, AttemptFailure)
    assert (failure.kind, failure.final) == ("foreign", None)
    assert failure.message == f"Not the API's own answer: {described} with status {status}."
    # Neither its clock nor a limit is the API's.
    assert failure.headers == {}


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 410, 413, 418, 422, 451])
@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=UTF-8"])
def test_the_apis_own_answer_is_final_whatever_its_content_type(status, content_type):
    failure = judged(status, b'{"message": "No.", "errors": {"a": ["Wrong."]}}', content_type)
    assert failure.final is not None
    assert failure.final.vendor_message == "No. Wrong."
    assert failure.kind == f"http_{status}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message": ""}', ""),
        (b'{"message": "No.", "errors": []}', "No."),
        (b'{"message": "No.", "errors": {"a": "b", "c": [1, "d"]}, "exception": "E"}', "No. d"),
    ],
)
def test_what_the_api_says(body, said):
    assert error_message(body) == said


@pytest.mark.parametrize("status", [200, 201])
def test_a_page_in_place_of_data_is_named(status):
    failure = judged(status, PAGE, "text/html")
    assert (failure.kind, failure.final, failure.headers) == ("not_json", None, {})
    assert judged(status, b" ").headers == {}
    assert failure.message.endswith(
        f'Not the API\'s own answer: the HTML page "One moment" with status {status}.'
    )


@pytest.mark.parametrize("body", [b'{"message": "Authenticate."}', PAGE])
def test_a_proxy_that_wants_a_login_is_named_and_not_tried_again(body):
    failure = judged(407, body)
    assert isinstance(failure.final, ProxyRefusedError)
    assert failure.headers == {}
    assert failure.outcome is RequestOutcome.ANSWERED
    assert "HTTPS_PROXY" in str(failure.final)


def points(client: Client, serial: str) -> int | None:
    path = {"inverter": serial, "date": DAY}
    return client.fetch(INVERTER_DATA_POINTS, path=path).pages[0].rows


def test_a_page_that_goes_away_costs_tries_and_no_data(simulate, open_client):
    sim = simulate()
    attempts = []
    client = open_client(sim, attempts=attempts)
    sim.override("/data-points/", PAGE, status=403, content_type="text/html", times=2)
    assert points(client, sim.serials[0]) == len(sim.truth(sim.serials[0], DAY))
    assert [(a.kind, a.status, a.final) for a in attempts] == [("foreign", 403, False)] * 2
    assert client.clock_ahead_s is not None


def test_a_block_of_one_endpoint_is_tried_by_one_request_at_a_time(simulate, open_client):
    sim = simulate(inverters=6, rate_limit=1000)
    policy = RetryPolicy(tries=5, base_s=0.05, ceiling_s=0.1, span_s=0.0, patience_s=5.0)
    client = open_client(sim, retry=policy, connections=6)
    sim.override("/data-points/", PAGE, status=403, content_type="text/html")
    errors = []

    def fetch(serial):
        try:
            points(client, serial)
        except GivEnergyError as error:
            errors.append(error)

    threads = [threading.Thread(target=fetch, args=(serial,)) for serial in sim.serials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [ForeignAnswerError] * 6
    assert all('the HTML page "One moment" with status 403' in str(error) for error in errors)
    # Each of the six at most once, and one of them four times more.
    assert len(sim.requests) <= 6 + 4
    assert max(error.attempts for error in errors) == 5
    # Other endpoints are asked as before: the host is not down.
    assert client.fetch(ACCOUNT).complete
    # The endpoint was given up for this client's time: it costs nothing more.
    sim.clear_requests()
    fetch(sim.serials[0])
    assert sim.requests == []


def test_waiting_requests_go_on_once_the_block_is_over(simulate, open_client):
    sim = simulate(inverters=4, rate_limit=1000)
    policy = RetryPolicy(tries=20, base_s=0.05, ceiling_s=0.1, span_s=60.0, patience_s=5.0)
    client = open_client(sim, retry=policy, connections=4)
    sim.override("/data-points/", PAGE, status=404, content_type="text/html", times=7)
    rows = {}
    threads = [
        threading.Thread(target=lambda s: rows.update({s: points(client, s)}), args=(serial,))
        for serial in sim.serials
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows == {serial: len(sim.truth(serial, DAY)) for serial in sim.serials}
    assert len(sim.requests) == 7 + 4
