"""No input makes the client send a request that is not on the allow-list, and none that writes.

The server's own log is what counts: method and path as they arrive, decoded as often as any proxy
on the way could decode them.
"""

import json
import posixpath
import re
from contextlib import closing, suppress
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assets.inverter_setting_values import DATASET
from givenergy.budget import SharedRequestBudget
from givenergy.budget.request_budget import RequestOutcome, Signal
from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.control_endpoints import INVERTER_PRESET_VALUES
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import GivEnergyError
from givenergy.retry import NO_RETRY

WRITES = re.compile(r"/write$|/presets/[^/]+$|/request-data$|^/v1/multi-control/(?!read$)")
GET_COMMANDS = re.compile(r"^/v1/inverter/[^/]+/request-data$")
_SNIPPETS = (
    "../request-data",
    "..%2Frequest-data",
    "..\\request-data",
    "XA0000G000/request-data?",
    "XA0000G000/request-data#",
    "..;",
    "..;/request-data",
    "request-data",
    "1/write",
    "17/write",
    "../write",
    "../17/write",
    "17/../17/write",
    "1%2Fwrite",
    "1%252Fwrite",
    "%2e%2e%2fwrite",
    "..%2f..%2fmulti-control%2fwrite",
    "1\\write",
    "1;/write",
    "1/write?x=",
    "1/write#",
    "1?value=1",
    "1\r\nPOST /v1/multi-control/write HTTP/1.1\r\n\r\n",
    "1\nX-Method: PUT",
    "\u2215write",
    "\uff0fwrite",
    "\u0661\u0667",
    "\ud800",
    "presets/0",
    "//multi-control/write",
    "http://127.0.0.1/v1/multi-control/write",
    ".",
    "..",
    "",
    " ",
    "17 ",
    "-1",
    "+17",
    "1e3",
    "0x11",
    "17.0",
    "9" * 5000,
    "XA0000G000",
    "17",
)
VALUES = st.one_of(
    st.sampled_from(_SNIPPETS),
    st.lists(st.sampled_from([*"/.%2fF?#&=;\\:@\r\n\t 17", "write", "read", "..", "presets"])).map(
        "".join
    ),
    st.text(max_size=40),
    st.integers().map(str),
)
ASKING = [each for each in ENDPOINTS.values() if each.asks_device]
ALLOWED = [
    (each.method, re.compile("/v1" + re.sub(r"\{\w+\}", "[^/]+", each.path)))
    for each in ENDPOINTS.values()
]


class Pretender(Endpoint):
    """An endpoint that claims to equal any other and gives another path."""

    __hash__ = None

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def url_path(self, parameters):
        """Return a path that writes."""
        return "/multi-control/write"


def arrived(sim):
    """Return method and path of each request, in every state of decoding and normalising."""
    for request in sim.requests:
        path = request.path
        for _ in range(4):
            yield request.method, path
            for without in (path, re.split("[?#]", path)[0], re.sub(";[^/]*", "", path)):
                yield request.method, posixpath.normpath(without.replace("\\", "/"))
            path = unquote(path)


def check(sim, *, may_ask):
    """Check what has arrived at the server."""
    assert sim.commands_received == 0
    for request in sim.requests:
        assert any(
            method == request.method and pattern.fullmatch(request.target.partition("?")[0])
            for method, pattern in ALLOWED
        ), request
    for method, path in arrived(sim):
        assert not GET_COMMANDS.search(path), path
        if method != "GET":
            assert not WRITES.search(path.partition("?")[0]), path
            assert path.count("\n") == path.count("\r") == 0
    if not may_ask:
        assert sim.device_reads == []


class AccountBudget(SharedRequestBudget):
    """A budget without the limits of single endpoints: with ten an hour, examples wait hours."""

    def grant(self, *, bucket, own, **options):
        """Count the request as one of the account."""
        return super().grant(**options)

    def settle(self, grant, signal):
        """Leave out what the server says of such a limit: it is none of the account's."""
        super().settle(grant, Signal(RequestOutcome.ANSWERED))


@pytest.fixture
def clients(simulate, open_client, tmp_path):
    """Open a client that may ask devices and one that may not, at a server without limit."""
    sim = simulate(rate_limit=100_000, inverters=2)
    with closing(AccountBudget(tmp_path / "budget.sqlite", account="test", window_s=2.0)) as budget:
        quick = {"retry": NO_RETRY, "budget": budget}
        yield sim, open_client(sim, **quick), open_client(sim, may_ask_devices=True, **quick)


KEPT = settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@KEPT
@given(
    endpoint=st.sampled_from(list(ENDPOINTS.values())),
    values=st.lists(VALUES, min_size=3, max_size=3),
    may_ask=st.booleans(),
)
@example(endpoint=ASKING[0], values=["XA0000G000", "17/write", ""], may_ask=True)
@example(endpoint=ASKING[0], values=["XA0000G000/settings/17/write#", "17", ""], may_ask=True)
@example(endpoint=ASKING[0], values=["XA0000G000", "17", ""], may_ask=False)
@example(
    endpoint=INVERTER_PRESET_VALUES, values=["XA0000G000", "../request-data", ""], may_ask=False
)
@example(
    endpoint=INVERTER_PRESET_VALUES, values=["XA0000G000/request-data?", "1", ""], may_ask=False
)
def test_no_parameter_leaves_its_place(clients, endpoint, values, may_ask):
    sim, without, asking = clients
    sim.clear_requests()
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    body = {"inverter_serials": values, "setting_id": values[0]} if endpoint.asks_device else None
    with suppress(GivEnergyError, ValueError, UnicodeError):
        (asking if may_ask else without).fetch(
            endpoint,
            path=dict(zip(names, values, strict=False)),
            query={"x": values[1]} if endpoint.method == "GET" else {},
            body=body if endpoint.method == "POST" else None,
        )
    check(sim, may_ask=may_ask)


@KEPT
@given(
    endpoint=st.sampled_from(list(ENDPOINTS.values())),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=st.one_of(
        st.sampled_from(
            [
                "/inverter/XA0000G000/settings/17/write",
                "/inverter/{inverter}/settings/{setting}/write",
                "/inverter/{inverter}/presets/0",
                "/inverter/{inverter}/request-data",
                "/multi-control/write",
                "/../multi-control/write",
            ]
        ),
        VALUES.map("/{}".format),
    ),
    change=st.sampled_from(["path", "method", "name", "asks_device", "numbers", "pretends"]),
)
def test_no_copy_of_an_endpoint_is_sent(clients, endpoint, method, path, change):
    sim, _, asking = clients
    sim.clear_requests()
    changed = {
        "path": lambda: replace(endpoint, path=path),
        "method": lambda: replace(endpoint, method=method),
        "name": lambda: replace(endpoint, name=path, path=path, method=method),
        "asks_device": lambda: replace(endpoint, path=path, asks_device=not endpoint.asks_device),
        "numbers": lambda: replace(endpoint, path=path, numbers=frozenset()),
        "pretends": lambda: Pretender(endpoint.name, method, path, ""),
    }[change]()
    parameters = {"inverter": "XA0000G000", "setting": "17"}
    path_names = re.findall(r"\{(\w+)\}", endpoint.path)
    with suppress(GivEnergyError, ValueError, UnicodeError):
        asking.fetch(
            changed, path={name: parameters.get(name, "1") for name in path_names}, body={}
        )
    check(sim, may_ask=True)
    if change != "pretends" and changed != endpoint:
        assert sim.requests == []


@KEPT
@given(label=VALUES, serials=st.lists(VALUES, min_size=1, max_size=3))
def test_no_setting_or_serial_makes_another_request(clients, label, serials):
    sim, _, asking = clients
    sim.clear_requests()
    with suppress(GivEnergyError, ValueError, UnicodeError):
        request = DATASET.request_of(label, serials)
        asking.fetch(request.endpoint, path=request.path, body=request.body)
    check(sim, may_ask=True)
    assert {path for _, path in arrived(sim)} <= {
        "/v1/multi-control/read",
        f"/v1/inverter/{serials[0]}/settings/{label}/read",
    }


def test_a_client_that_may_not_asks_no_device(clients):
    sim, without, _ = clients
    for request in (DATASET.request_of("17", ["A"]), DATASET.request_of("17", ["A", "B"])):
        with pytest.raises(ValueError, match="for which this client is not opened"):
            without.fetch(request.endpoint, path=request.path, body=request.body)
    assert sim.requests == []


@pytest.mark.parametrize("setting", ["", "17/write", "\u0661\u0667", "-1", "1" * 10, "17\n", " 17"])
def test_the_number_of_a_setting_is_digits(setting):
    request = DATASET.request_of("17", ["A"])
    with pytest.raises(GivEnergyError, match="cannot be used as setting: it must be a whole"):
        request.endpoint.url_path({"inverter": "A", "setting": setting})


@pytest.mark.parametrize("serial", ["", "A/../B", "A B", "\u0661", "A" * 65, None, {"x": 1}])
def test_a_serial_in_a_body_for_devices_is_plain(clients, serial):
    sim, _, asking = clients
    request = DATASET.request_of("17", ["A", serial])
    with pytest.raises(GivEnergyError, match="cannot be used as inverter_serials: it must be up"):
        asking.fetch(request.endpoint, body=request.body)
    assert sim.requests == []


def test_what_is_asked_of_devices_is_what_the_document_calls_reading():
    assert json.loads(json.dumps(DATASET.request_of("17", ["A", "B"]).body)) == {
        "inverter_serials": ["A", "B"],
        "setting_id": 17,
    }
