"""What goes wrong between a healthy answer and the client, and when.

Belongs here: the kinds of faults, choosing one for a request, turning an answer into a spoilt one
and the orders for its delivery. Does not belong here: sockets (``http_server``).
"""

import gzip
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.answers import Answer, Delivery, json_answer
from simulator.noise import one_uniform

HTML = (
    b"<!DOCTYPE html><html><head><title>Be right back</title></head>"
    b"<body><h1>Be right back</h1><p>The page could not be shown.</p></body></html>"
)
_STATUSES = ("500", "502", "503", "504")
KINDS: tuple[str, ...] = (
    "5xx",  # one of the next four, JSON or HTML
    *_STATUSES,
    "402",
    "reset",  # RST before any byte of the answer
    "reset_body",  # RST in the middle of the body
    "close",  # orderly close before any byte
    "stall",  # stalls before the first byte, then answers
    "stall_body",  # stalls in the middle of the body, then goes on
    "truncated",  # half a JSON text, Content-Length right for the half
    "truncated_length",  # half a JSON text, Content-Length of the whole, then closed
    "html",  # 200 with an HTML page
    "empty",  # 200 with an empty body
    "no_data",  # 200 with JSON that has no "data"
    "null",  # 200 with "null"
    "not_json",  # 200, application/json, but a PHP warning before the JSON
    "gzip_broken",  # 200, gzip that does not unpack
    "storm",  # this and the next requests: 429 without headers
    "oversized",  # a huge body with Content-Length
    "oversized_chunked",  # a huge body without a length
    "oversized_gzip",  # a small body that unpacks to a huge one
)


def check_rates(rates: Mapping[str, float]) -> None:
    """Raises ``ValueError`` for an unknown kind, a bad rate, or rates that exceed 1 together."""
    for kind, rate in rates.items():
        check_kind(kind)
        if not 0 <= rate <= 1:
            raise ValueError(f"The rate of fault {kind!r} is {rate}; use 0 to 1.")
    if sum(rates.values()) > 1 + 1e-9:
        raise ValueError(f"The rates of the faults add up to {sum(rates.values())}; 1 is the most.")


def check_kind(kind: str) -> None:
    """Raises ``ValueError`` for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"Fault {kind!r} is unknown; use one of {', '.join(KINDS)}.")


def parse_rates(text: str) -> dict[str, float]:
    """``"5xx=0.02,reset=0.01"`` as rates by kind. Raises ``ValueError`` when it does not parse."""
    rates = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        kind, _, rate = part.partition("=")
        try:
            rates[kind.strip()] = float(rate)
        except ValueError:
            raise ValueError(f"{part!r} is no rate; write it like reset=0.01.") from None
    return rates


@dataclass(slots=True)
class Failure:
    """An order to fail requests whose path matches; ``left`` None: for ever."""

    pattern: re.Pattern[str]
    fault: str | None
    status: int | None
    left: int | None


@dataclass(slots=True)
class FaultSettings:
    """What can be changed while the simulator runs."""

    rates: dict[str, float]
    stall_s: float
    storm_requests: int
    storm_s: float | None
    oversized_bytes: int


class FaultPlan:
    """Decides which request fails and how. Rates hit by request number, so a seed repeats them."""

    def __init__(self, seed: int, settings: FaultSettings) -> None:
        """No forced failures at first."""
        self.settings = settings
        self._seed = seed
        self._failures: list[Failure] = []
        self._storm_left = 0
        self._storm_until = 0.0
        self._lock = threading.Lock()

    def fail(
        self, pattern: str, *, status: int | None, fault: str | None, times: int | None
    ) -> None:
        """Orders failures for paths (with query) in which ``pattern`` is found; newest first."""
        if (status is None) == (fault is None):
            raise ValueError("Give either a status or a fault to fail with.")
        if fault is not None:
            check_kind(fault)
        failure = Failure(re.compile(pattern), fault, status, times)
        with self._lock:
            self._failures.insert(0, failure)

    def clear(self) -> None:
        """Forgets all orders and ends a storm; the rates stay."""
        with self._lock:
            self._failures.clear()
            self._storm_left = 0
            self._storm_until = 0.0

    def choose(self, request_number: int, target: str) -> str | None:
        """The fault for a request, or None: a kind, or three digits for a bare status."""
        with self._lock:
            if self._in_storm():
                return "storm"
            chosen = self._ordered(target) or self._by_rate(request_number)
            if chosen == "storm":
                self._storm_left = self.settings.storm_requests - 1
                self._storm_until = time.monotonic() + (self.settings.storm_s or 0.0)
            return chosen

    def _in_storm(self) -> bool:
        if self.settings.storm_s is not None:
            return time.monotonic() < self._storm_until
        if self._storm_left > 0:
            self._storm_left -= 1
            return True
        return False

    def _ordered(self, target: str) -> str | None:
        for failure in self._failures:
            if failure.left != 0 and failure.pattern.search(target):
                if failure.left is not None:
                    failure.left -= 1
                return failure.fault or str(failure.status)
        return None

    def _by_rate(self, request_number: int) -> str | None:
        chance = one_uniform("fault", self._seed, request_number)
        for kind, rate in self.settings.rates.items():
            if chance < rate:
                return kind
            chance -= rate
        return None

    def spoil(self, fault: str, answer: Answer, request_number: int) -> Answer:
        """The answer as it goes out with this fault."""
        settings = self.settings
        chance = one_uniform("shape", self._seed, request_number)
        if fault == "5xx":
            fault = _STATUSES[int(chance * 4)]
        if fault.isdigit():
            return status_answer(int(fault), html=fault in _STATUSES and chance * 8 % 1 < 0.5)
        match fault:
            case "reset" | "reset_body" | "close":
                return replace(answer, delivery=Delivery(end=fault))
            case "stall":
                return replace(answer, delivery=Delivery(stall_first_s=settings.stall_s))
            case "stall_body":
                return replace(answer, delivery=Delivery(stall_body_s=settings.stall_s))
            case "truncated":
                plain = answer.plain()
                return replace(answer, body=plain[: len(plain) // 2], packed=None)
            case "truncated_length":
                return replace(answer, delivery=Delivery(end="truncated_length"))
            case "html":
                return Answer(200, HTML, content_type="text/html; charset=UTF-8")
            case "empty":
                return Answer(200, b"")
            case "no_data":
                return json_answer(200, {"message": "Server busy."})
            case "null":
                return Answer(200, b"null")
            case "not_json":
                warning = b"<br />\n<b>Warning</b>: Undefined index in controller<br />\n"
                return replace(answer, body=warning + answer.plain(), packed=None)
            case "gzip_broken":
                packed = bytearray(gzip.compress(answer.plain(), 1))
                packed[len(packed) // 2 :] = b"\x00" * (len(packed) - len(packed) // 2)
                return Answer(200, answer.plain(), packed=bytes(packed), force_packed=True)
            case "storm":
                return Answer(429, b'{"message":"Too Many Attempts."}', bare=True)
            case "oversized":
                return Answer(200, _oversized(settings.oversized_bytes))
            case "oversized_chunked":
                body = _oversized(settings.oversized_bytes)
                return Answer(200, body, delivery=Delivery(chunked=True))
            case "oversized_gzip":
                packed_body = gzip.compress(_oversized(settings.oversized_bytes), 1)
                return Answer(200, b"", packed=packed_body, force_packed=True)
        raise ValueError(f"Fault {fault!r} is unknown; use one of {', '.join(KINDS)}.")


def status_answer(status: int, *, html: bool = False) -> Answer:
    """What the API says with a bare status."""
    if html:
        return Answer(status, HTML, content_type="text/html; charset=UTF-8")
    messages = {
        401: "Unauthenticated.",
        402: "An active subscription is required to use the API.",
        403: "This action is unauthorized.",
        404: "Not Found",
        422: "The given data was invalid.",
        429: "Too Many Attempts.",
        503: "Service Unavailable",
    }
    return json_answer(status, {"message": messages.get(status, "Server Error")})


def _oversized(size: int) -> bytes:
    head, tail = b'{"data":[],"padding":"', b'"}'
    return head + b"x" * max(size - len(head) - len(tail), 0) + tail
