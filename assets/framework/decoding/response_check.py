"""Check whether an answer can be read at all, before it is archived.

A row that cannot be read goes to quarantine, and its day is complete. An answer of which no row can
be read is something else than what was requested: it is kept, but its day is incomplete.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.day_range import DayRange
from assets.framework.contract.json_rows import decode_rows, elements
from warehouse import ArchivedResponse


def why_unreadable(
    dataset: Dataset, bodies: Sequence[bytes], day_range: DayRange, zone: str
) -> str | None:
    """Return why no row of an answer can be read; None if one can, or if there are none.

    Args:
        dataset: what was requested.
        bodies: the pages of the answer.
        day_range: the days requested.
        zone: IANA time zone of the days.
    """
    reasons = []
    count = 0
    for body in bodies:
        raws = elements(body, dataset.shape)
        count += len(raws)
        # The first row is usually enough to see that the answer is what it should be.
        for part in (b'{"data":[%b]}' % bytes(raws[0]), body) if raws else ():
            reasons.append(_refused(dataset, part, day_range, zone))
            if reasons[-1] is None:
                return None
    if not reasons:
        return None
    return f"None of the {count} rows that came can be read; the first: {reasons[0]}."


def _refused(dataset: Dataset, body: bytes, day_range: DayRange, zone: str) -> str | None:
    rows = decode_rows(body, dataset.row_type, dataset.shape)
    if rows.values:
        try:
            dataset.parts_of_fetch([(rows, _page(dataset, body, day_range, zone))])
        # What decoding fails at is quarantined by the build (`decoder_failures`), and no fault of
        # the API.
        except Exception:
            return None
    if rows.values:
        return None
    return f"{rows.rejected[0].field} is {rows.rejected[0].value}"


def _page(dataset: Dataset, body: bytes, day_range: DayRange, zone: str) -> ArchivedResponse:
    """Make the page as decoding takes it; where it is archived does not matter."""
    now = datetime.now(UTC)
    return ArchivedResponse(
        response_id=0,
        fetch_id=0,
        segment=0,
        dataset=dataset.name,
        device_id=day_range.device_id,
        request_date=day_range.first,
        request_zone=zone,
        path="",
        params="",
        status=200,
        requested_at=now,
        fetched_at=now,
        page=1,
        page_count=1,
        complete=True,
        rows=None,
        redaction_version=None,
        account="",
        body=body,
    )
