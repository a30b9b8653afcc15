"""CPU time of givlake's work by stage, measured by clocks of the threads that do it.

Functions are wrapped where their callers look them up. A stage's time is that of the calling
thread without the stages inside it, so stages add up; what pyarrow's own threads burn is left over
and given as such. A wrapper costs about a microsecond, and nothing here is called once per row.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import requests.adapters

import assets.framework.decoding.decoder
import assets.framework.ingestion.daily
import assets.framework.ingestion.day_states
import assets.framework.ingestion.leases
import assets.inverter_data_points
import warehouse.accounting.row_accounting
import warehouse.archive.segment_files
import warehouse.archive.store
import warehouse.storage.transaction
import warehouse.tables.builder
import warehouse.tables.partition_files
from assets.inverter_data_points import InverterDataPoints
from givenergy import SqliteRequestBudget
from givenergy.budget.sqlite_lease import SqliteLease
from givenergy.client import Client
from givenergy.transport import Transport
from warehouse.archive.store import Archive

_PLACES: tuple[tuple[Any, str, str], ...] = (
    (Client, "fetch", "HTTP: client, retry, pages"),
    (Transport, "send", "HTTP: requests, sockets, gunzip"),
    (requests.adapters.HTTPAdapter, "send", "HTTP: requests, sockets, gunzip"),
    (SqliteRequestBudget, "grant", "budget: grant and settle"),
    (SqliteRequestBudget, "settle", "budget: grant and settle"),
    (SqliteRequestBudget, "lease", "budget: leases"),
    (SqliteLease, "release", "budget: leases"),
    (Archive, "append", "archive: hash, number, buffer"),
    (Archive, "flush", "archive: write segments"),
    (Archive, "last_segment", "archive: read back"),
    (InverterDataPoints, "decode", "decode: the rest"),
    (InverterDataPoints, "columns", "decode: typed columns"),
    (assets.framework.decoding.decoder, "decode_rows", "decode: JSON to structs"),
    (assets.framework.decoding.decoder, "faults", "pandera"),
    (assets.framework.decoding.decoder._Batch, "_drop_duplicates", "duplicate keys"),
    (warehouse.tables.builder, "merge", "tables: merge"),
    (warehouse.tables.partition_files, "write", "tables: write Parquet"),
    (warehouse.tables.partition_files, "read", "tables: read back"),
    (warehouse.storage.transaction.Transaction, "commit", "tables: commit (fsync, rename)"),
    (
        warehouse.accounting.row_accounting,
        "write_book",
        "books: accounts, quarantine, requests, coverage",
    ),
    (
        warehouse.accounting.row_accounting,
        "merge_quarantine",
        "books: accounts, quarantine, requests, coverage",
    ),
    (warehouse.tables.builder.TableBuilder, "_round", "tables: the rest of a build"),
    (assets.framework.ingestion.daily, "build", "tables: the rest of a build"),
    (assets.framework.ingestion.leases.DayLeases, "take", "archive: has it come in meanwhile"),
    (assets.framework.ingestion.day_states, "coverage", "plan and coverage"),
)


class Stages:
    """Seconds of CPU and calls by stage."""

    def __init__(self) -> None:
        """Nothing is measured before `install`."""
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._here = threading.local()

    def install(self) -> None:
        """Wrap what is to be measured, for the rest of the process."""
        for owner, name, stage in _PLACES:
            setattr(owner, name, self._wrapped(stage, getattr(owner, name)))
        # A generator: each step of it is reading, what its consumer does in between is not.
        read = Archive.read

        def stepped(*args: Any, **kwargs: Any) -> Iterator[Any]:
            steps = iter(read(*args, **kwargs))
            while True:
                with self.stage("archive: read back"):
                    batch = next(steps, None)
                if batch is None:
                    return
                yield batch

        Archive.read = stepped  # type: ignore[method-assign]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what the calling thread does in the block, without inner stages."""
        outer = getattr(self._here, "inside", None)
        self._here.inside = inside = [0.0]
        began = time.thread_time()
        try:
            yield
        finally:
            spent = time.thread_time() - began
            self._here.inside = outer
            if outer is not None:
                outer[0] += spent
            with self._lock:
                self.seconds[name] += spent - inside[0]
                self.calls[name] += 1

    def _wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            with self.stage(stage):
                return function(*args, **kwargs)

        return measured
