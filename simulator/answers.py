"""An answer on its way out: status, body and how it is to be delivered.

Belongs here: the value objects that endpoints, faults and the server exchange. Does not belong
here: where an answer comes from.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Delivery:
    """Orders for the socket. ``end``: reset, reset_body, close or truncated_length."""

    end: str | None = None
    stall_first_s: float = 0.0
    stall_body_s: float = 0.0
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, plain body, and its gzip form where there is one.

    ``body`` may be empty while ``packed`` is not (a cached answer is kept only as gzip).
    ``force_packed`` sends gzip whether or not the client accepts it; ``bare`` leaves out the
    headers of the rate limit.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    packed: bytes | None = None
    force_packed: bool = False
    bare: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery()

    def plain(self) -> bytes:
        """The body unpacked."""
        if not self.body and self.packed:
            return gzip.decompress(self.packed)
        return self.body


class ApiError(Exception):
    """An answer that ends the handling of a request: 4xx with the API's message."""

    def __init__(
        self, status: int, message: str, errors: Mapping[str, list[str]] | None = None
    ) -> None:
        """``errors`` are the validation messages by field of a 422."""
        super().__init__(message)
        self.status = status
        self.payload: dict[str, Any] = {"message": message}
        if errors is not None:
            self.payload["errors"] = dict(errors)

    @classmethod
    def invalid(cls, **fields: str) -> "ApiError":
        """422 with one message for each field."""
        errors = {name: [message] for name, message in fields.items()}
        return cls(422, "The given data was invalid.", errors)

    def answer(self) -> Answer:
        """The error as it is sent."""
        return json_answer(self.status, self.payload)


def json_answer(status: int, payload: object, **headers: str) -> Answer:
    """An answer with a JSON body; header names with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(payload), headers=named)
