"""Faults between a correct response and the client.

Belongs here: the kinds of faults, choosing one for a request, and turning a response into a faulty
one with instructions for its delivery. Does not belong here: sockets (`server`).
"""

import gzip
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulator.http.messages import Delivery, HttpResponse, json_response
from simulator.rates import check_kind, check_rates, choose_kind
from simulator.seeded_random import uniform_of

HTML = (
    b"<!DOCTYPE html><html><head><title>Be right back</title></head>"
    b"<body><h1>Be right back</h1><p>The page could not be shown.</p></body></html>"
)
_STATUSES = ("500", "502", "503", "504")
KINDS: tuple[str, ...] = (
    "5xx",  # one of the next four, JSON or HTML
    *_STATUSES,
    "402",
    "reset",  # RST before any byte of the response
    "reset_body",  # RST in the middle of the body
    "close",  # orderly close before any byte
    "stall",  # stalls before the first byte, then responds
    "stall_body",  # stalls in the middle of the body, then continues
    "truncated",  # half a JSON text, Content-Length right for the half
    "truncated_length",  # half a JSON text, Content-Length of the whole, then closed
    "html",  # 200 with an HTML page
    "empty",  # 200 with an empty body
    "no_data",  # 200 with JSON that has no "data"
    "null",  # 200 with "null"
    "not_json",  # 200, application/json, but a PHP warning before the JSON
    "gzip_broken",  # 200, gzip that cannot be decompressed
    "storm",  # this and the next requests: 429 without headers
    "oversized",  # a huge body with Content-Length
    "oversized_chunked",  # a huge body without a length
    "oversized_gzip",  # a small body that decompresses to a huge one
)


def check_fault_rates(rates: Mapping[str, float]) -> None:
    """Raise `ValueError` for an unknown kind, a bad rate, or rates that add up to more than 1."""
    check_rates(rates, KINDS, "fault")
    if sum(rates.values()) > 1 + 1e-9:
        raise ValueError(f"The rates of faults add up to {sum(rates.values())}; 1 is the maximum.")


@dataclass(slots=True)
class ForcedFailure:
    """Requests whose path matches fail, `left` times, or always if it is None."""

    pattern: re.Pattern[str]
    fault: str | None
    status: int | None
    left: int | None


@dataclass(slots=True)
class FaultSettings:
    """Settings that can be changed while the simulator runs."""

    rates: dict[str, float]
    stall_s: float
    storm_requests: int
    storm_s: float | None
    oversized_bytes: int


class FaultPlan:
    """Decides which request fails and how; reproducible, because rates hit by request number."""

    def __init__(self, seed: int, settings: FaultSettings) -> None:
        """Start without forced failures."""
        self.settings = settings
        self._seed = seed
        self._failures: list[ForcedFailure] = []
        self._storm_left = 0
        self._storm_until = 0.0
        self._lock = threading.Lock()

    def fail(
        self, pattern: str, *, status: int | None, fault: str | None, times: int | None
    ) -> None:
        """Force failures for paths (with query) in which `pattern` is found; the latest wins."""
        if (status is None) == (fault is None):
            raise ValueError("Give either a status or a fault to fail with.")
        if fault is not None:
            check_kind(fault, KINDS, "fault")
        failure = ForcedFailure(re.compile(pattern), fault, status, times)
        with self._lock:
            self._failures.insert(0, failure)

    def clear(self) -> None:
        """Remove all forced failures and end a storm; the rates stay."""
        with self._lock:
            self._failures.clear()
            self._storm_left = 0
            self._storm_until = 0.0

    def choose(self, request_number: int, target: str) -> str | None:
        """Return the fault for a request: a kind, three digits for a bare status, or None."""
        with self._lock:
            if self._in_storm():
                return "storm"
            chosen = self._forced(target) or self._by_rate(request_number)
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

    def _forced(self, target: str) -> str | None:
        for failure in self._failures:
            if failure.left != 0 and failure.pattern.search(target):
                if failure.left is not None:
                    failure.left -= 1
                return failure.fault or str(failure.status)
        return None

    def _by_rate(self, request_number: int) -> str | None:
        chance = uniform_of("fault", self._seed, request_number)
        return choose_kind(chance, self.settings.rates)

    def apply(self, fault: str, response: HttpResponse, request_number: int) -> HttpResponse:
        """Return the response as it is sent with this fault."""
        settings = self.settings
        chance = uniform_of("shape", self._seed, request_number)
        if fault == "5xx":
            fault = _STATUSES[int(chance * 4)]
        if fault.isdigit():
            return status_response(int(fault), html=fault in _STATUSES and chance * 8 % 1 < 0.5)
        match fault:
            case "reset" | "reset_body" | "close":
                return replace(response, delivery=Delivery(end=fault))
            case "stall":
                return replace(response, delivery=Delivery(stall_first_s=settings.stall_s))
            case "stall_body":
                return replace(response, delivery=Delivery(stall_body_s=settings.stall_s))
            case "truncated":
                plain = response.plain()
                return replace(response, body=plain[: len(plain) // 2], compressed=None)
            case "truncated_length":
                return replace(response, delivery=Delivery(end="truncated_length"))
            case "html":
                return HttpResponse(200, HTML, content_type="text/html; charset=UTF-8")
            case "empty":
                return HttpResponse(200, b"")
            case "no_data":
                return json_response(200, {"message": "Server busy."})
            case "null":
                return HttpResponse(200, b"null")
            case "not_json":
                warning = b"<br />\n<b>Warning</b>: Undefined index in controller<br />\n"
                return replace(response, body=warning + response.plain(), compressed=None)
            case "gzip_broken":
                compressed = bytearray(gzip.compress(response.plain(), 1, mtime=0))
                half = len(compressed) // 2
                compressed[half:] = bytes(len(compressed) - half)
                return HttpResponse(
                    200, response.plain(), compressed=bytes(compressed), force_compressed=True
                )
            case "storm":
                return HttpResponse(429, b'{"message":"Too Many Attempts."}', bare=True)
            case "oversized":
                return HttpResponse(200, _oversized(settings.oversized_bytes))
            case "oversized_chunked":
                body = _oversized(settings.oversized_bytes)
                return HttpResponse(200, body, delivery=Delivery(chunked=True))
            case "oversized_gzip":
                body = gzip.compress(_oversized(settings.oversized_bytes), 1, mtime=0)
                return HttpResponse(200, b"", compressed=body, force_compressed=True)
        raise ValueError(f"Unknown fault {fault!r}; use one of {', '.join(KINDS)}.")


def status_response(status: int, *, html: bool = False) -> HttpResponse:
    """Return the API's response with a bare status."""
    if html:
        return HttpResponse(status, HTML, content_type="text/html; charset=UTF-8")
    messages = {
        401: "Unauthenticated.",
        402: "An active subscription is required to use the API.",
        403: "This action is unauthorized.",
        404: "Not Found",
        410: "This endpoint is no longer available.",
        422: "The given data was invalid.",
        429: "Too Many Attempts.",
        503: "Service Unavailable",
    }
    return json_response(status, {"message": messages.get(status, "Server Error")})


def _oversized(size: int) -> bytes:
    head, tail = b'{"data":[],"padding":"', b'"}'
    return head + b"x" * max(size - len(head) - len(tail), 0) + tail
