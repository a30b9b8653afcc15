"""Archive entries of a response."""

from collections.abc import Sequence

import msgspec

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import Request
from assets.framework.ingestion.session import Session
from givenergy.models import Fetched
from warehouse.archive import Entry, Rank
from warehouse.source_names import API_SOURCE


def archive_entries(
    fetched: Fetched,
    dataset: Dataset,
    request: Request,
    session: Session,
    day_rows: Sequence[int] | None,
) -> list[Entry]:
    """Return the archive entries of a response, one for each page.

    Args:
        fetched: The response.
        dataset: Dataset of the response.
        request: The request, limited to the days that the response covers.
        session: Session, which has the account and its time zone.
        day_rows: Number of rows of each of these days, if one request can cover several.
    """
    days = request.day_range
    message, rank = fetched.missing, Rank.API
    if session.source != API_SOURCE and days is not None:
        # Only days are merged by rank: states of now are ordered by time, whatever their source.
        message, rank = message or f"from {session.source}, not proven", Rank.OTHER_API
    return [
        Entry(
            dataset=dataset.name,
            device_id=request.device_id,
            request_date=None if days is None else days.first,
            request_end_date=None if days is None or day_rows is None else days.last,
            # The counts are those of the whole response: they are stored with its first page.
            day_rows=day_rows if page is fetched.pages[0] else None,
            request_zone=session.zone,
            method=dataset.endpoint.method,
            path=page.url_path,
            params=msgspec.json.encode(page.params, order="deterministic").decode(),
            status=page.status,
            outcome="ok",
            error_kind=None,
            message=message,
            requested_at=page.requested_at,
            fetched_at=page.received_at,
            page=page.number,
            page_count=len(fetched.pages),
            complete=fetched.complete,
            rows=page.rows,
            body=page.body,
            attempts=page.attempts,
            redaction_version=page.redaction_version,
            account=session.account,
            source=session.source,
            rank=rank,
        )
        for page in fetched.pages
    ]
