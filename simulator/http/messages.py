"""Requests as received and responses as they are to be sent.

Belongs here: the value objects that endpoints, faults and the server exchange. Does not belong
here: reading from and writing to sockets (`server`).
"""

import gzip
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec

_ELEMENT = re.compile(r"\[\d*\]$", re.ASCII)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as received; header names in lower case, `received_at` monotonic."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: tuple[str, int]
    received_at: float = field(default_factory=time.monotonic)
    received_wall: float = field(default_factory=time.time)

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client accepts a compressed response."""
        return "gzip" in self.headers.get("accept-encoding", "")

    def array(self, name: str) -> list[str] | str | None:
        """Return a list parameter, given as `name[]=…` or `name[0]=…`, in the order given.

        Return a string if it was given without brackets, None if it is missing.
        """
        pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        values = [value for key, value in pairs if _ELEMENT.sub("", key) == name != key]
        return values or dict(pairs).get(name)

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty one if it is anything else."""
        try:
            payload = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return {}
        return payload if isinstance(payload, dict) else {}


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the server sends a response. `end`: reset, reset_body, close or truncated_length."""

    end: str | None = None
    stall_first_s: float = 0.0
    stall_body_s: float = 0.0
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """Status, plain body, and its gzip form where there is one.

    `body` may be empty while `compressed` is not (a cached response is kept only as gzip).
    `force_compressed` sends gzip whether or not the client accepts it; `bare` omits the headers of
    the rate limit.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    compressed: bytes | None = None
    force_compressed: bool = False
    bare: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery()

    def plain(self) -> bytes:
        """Return the uncompressed body."""
        if not self.body and self.compressed:
            return gzip.decompress(self.compressed)
        return self.body


class ApiError(Exception):
    """A response that ends the handling of a request: 4xx with the API's message."""

    def __init__(
        self, status: int, message: str, errors: Mapping[str, list[str]] | None = None
    ) -> None:
        """Keep the validation messages by field in `errors`, for a 422."""
        super().__init__(message)
        self.status = status
        self.payload: dict[str, Any] = {"message": message}
        if errors is not None:
            self.payload["errors"] = dict(errors)

    @classmethod
    def invalid(cls, **fields: str) -> "ApiError":
        """Return a 422 with one message for each field."""
        errors = {name: [message] for name, message in fields.items()}
        return cls(422, "The given data was invalid.", errors)

    @classmethod
    def not_found(cls) -> "ApiError":
        """Return a 404 for a resource that does not exist."""
        return cls(404, "The requested resource could not be found.")

    @classmethod
    def no_route(cls, path: str) -> "ApiError":
        """Return a 404 for a path that the API does not have."""
        return cls(404, f"The route {path.lstrip('/')} could not be found.")

    @classmethod
    def unauthorized(cls) -> "ApiError":
        """Return a 403 for a resource that the account must not access."""
        return cls(403, "This action is unauthorized.")

    def response(self) -> HttpResponse:
        """Return the error as it is sent."""
        return json_response(self.status, self.payload)


def json_response(status: int, payload: object) -> HttpResponse:
    """Return a response with a JSON body."""
    return HttpResponse(status, msgspec.json.encode(payload))
