"""The log of requests and their responses, for tests to read.

Belongs here: the record of a request and statistics over all of them. Does not belong here: the
token's value, which is never kept.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RequestRecord:
    """One request. `received_at` is of the monotonic clock, `received_wall` Unix time (s).

    `target` is the path with its query as received, `path` is decoded.

    `status` is that of the response before faults in its delivery: after a reset the client saw
    none of it. `complete` says whether the whole response was sent; `window` and `remaining` are
    those of `budget`.
    """

    received_at: float
    received_wall: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    client: str
    client_port: int
    target: str = ""
    number: int = 0
    status: int | None = None
    fault: str | None = None
    budget: str | None = None
    window: int | None = None
    remaining: int | None = None
    duration_s: float | None = None
    complete: bool = False


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers without the token; of it only the scheme remains."""
    kept = dict(headers)
    if "authorization" in kept:
        kept["authorization"] = kept["authorization"].partition(" ")[0] + " …"
    return kept


@dataclass(slots=True)
class RequestLog:
    """Records and received commands since the last clearing."""

    records: list[RequestRecord] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    device_reads: list[str] = field(default_factory=list)
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, record: RequestRecord) -> None:
        """Keep a record and give it the next number, which clearing does not reset."""
        with self._lock:
            self._number += 1
            record.number = self._number
            self.records.append(record)

    def add_command(self, method: str, path: str) -> None:
        """Note a request that would have changed or commanded something."""
        with self._lock:
            self.commands.append(f"{method} {path}")

    def add_device_read(self, method: str, path: str) -> None:
        """Note a request that only reads, but from a device."""
        with self._lock:
            self.device_reads.append(f"{method} {path}")

    def snapshot(self) -> list[RequestRecord]:
        """Return the records so far, oldest first."""
        with self._lock:
            return list(self.records)

    def clear(self) -> None:
        """Delete records, commands and reads of devices."""
        with self._lock:
            self.records.clear()
            self.device_reads.clear()
            self.commands.clear()

    def statistics(self) -> dict[str, Any]:
        """Return counts over the records; times are of the monotonic clock."""
        records = self.snapshot()
        return {
            "requests": len(records),
            "statuses": dict(Counter(str(r.status) for r in records)),
            "faults": dict(Counter(r.fault for r in records if r.fault)),
            "clients": dict(Counter(r.client for r in records)),
            "limited": sum(r.status == 429 for r in records),
            "limited_by_client": dict(Counter(r.client for r in records if r.status == 429)),
            "connections": len({r.client_port for r in records}),
            "first_at": records[0].received_at if records else None,
            "last_at": records[-1].received_at if records else None,
            "commands_received": len(self.commands),
            "commands": list(self.commands),
            "device_reads": len(self.device_reads),
        }
