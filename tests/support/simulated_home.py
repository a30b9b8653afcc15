"""Decode responses without a lake, and fill a data folder from a simulator."""

import json
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assets.framework import DeviceList
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.daily import DailyPlan
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.snapshot import SnapshotPlan
from pipelines.discovery import discover, known_state_of
from pipelines.session_factory import open_session
from tests.support import clock
from tests.support.settings import settings_of
from tests.support.sql_rows import in_asked_order
from warehouse.archive import ArchivedResponse

FETCHED_AT = datetime(2025, 7, 1, 12, tzinfo=UTC)


def response(
    dataset, content, *, device_id="SIM0001", response_id=1, params="{}", account="owner", path="/"
):
    """Return an archived response of one page with the given body."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ArchivedResponse(
        response_id=response_id,
        fetch_id=response_id,
        segment=1,
        dataset=dataset.name,
        device_id=device_id,
        request_date=None,
        request_zone="Europe/London",
        path=path,
        params=params,
        status=200,
        requested_at=FETCHED_AT,
        fetched_at=FETCHED_AT,
        page=1,
        page_count=1,
        complete=True,
        rows=None,
        redaction_version=None,
        account=account,
        body=body,
    )


def decode(dataset, *contents, any_time=False, **fields):
    """Decode bodies as one response each, and check that every row is accounted for."""
    responses = [
        response(dataset, content, response_id=number, **fields)
        for number, content in enumerate(contents, start=1)
    ]
    decoded = DatasetDecoder(dataset, any_time=any_time).decode(responses)
    accounted = Counter()
    for table in decoded.tables.values():
        accounted.update(table["response_id"].to_pylist())
    entries = decoded.quarantine.to_pylist()
    lost, kept = (
        {
            (entry["response_id"], entry["table"], entry["row_index"])
            for entry in entries
            if entry["is_row_kept"] is is_kept
        }
        for is_kept in (False, True)
    )
    accounted.update(response_id for response_id, _, _ in lost)
    assert accounted == Counter(decoded.rows_in)
    assert lost.isdisjoint(kept)
    return decoded


def rows_of(decoded, table):
    """Return a table's rows without provenance columns."""
    provenance = ("response_id", "fetched_at", "valid_from", "valid_to", "listed_by")
    return [
        {name: value for name, value in row.items() if name not in provenance}
        for row in decoded.tables[table].to_pylist()
    ]


def leaves(value, path=""):
    """Yield path and value of each leaf; list elements are `[0]`, `[1]`, …"""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from leaves(child, f"{path}[{number}]")
    else:
        yield path, value


def ingest_days(session, dataset, devices, first, last, **how):
    """Fetch missing days; return the report."""
    return ingest(session, dataset, DailyPlan(session, dataset, devices, first, last, **how))


class Home:
    """A data folder that is filled from a simulator."""

    def __init__(self, folder: Path, simulator, **settings: str) -> None:
        self.simulator = simulator
        self.data = folder / "data"
        self._settings = {
            "GIVENERGY_API_URL": simulator.base_url,
            "GIVENERGY_API_TOKEN": simulator.token,
            "GIVLAKE_DATA": str(self.data),
            "GIVLAKE_RETRY_S": "0",
            **settings,
        }

    @contextmanager
    def session(self):
        with open_session(settings_of(self._settings)) as session:
            yield session

    def refresh(self, dataset, *, lists=(), refetch=False):
        """Discover devices in the given lists, refresh a dataset and return its report."""
        with self.session() as session:
            devices = discover(session, lists).devices if lists else {}
            self.simulator.clear_requests()
            state = known_state_of(session, devices, refetch=refetch)
            return ingest(session, dataset, SnapshotPlan(dataset, state))

    def refresh_later(self, dataset, *, hours=2, lists=()):
        """Refresh after some hours: a second refusal is believed."""
        with clock.at(datetime.now(UTC) + timedelta(hours=hours)) as moment:
            # The time of the API is believed, also of one at a fixed time.
            self.simulator.set_clock(moment)
            return self.refresh(dataset, lists=lists)

    def devices(self, *lists: DeviceList):
        """Request device lists; return the devices by kind."""
        with self.session() as session:
            return discover(session, lists).devices

    def rows(self, sql: str):
        """Run a query over the catalogue."""
        with self.session() as session:
            return in_asked_order(known_state_of(session, {}).rows(sql), sql)

    def paths(self):
        """Return the paths requested since the last refresh."""
        return [request.path.removeprefix("/v1") for request in self.simulator.requests]
