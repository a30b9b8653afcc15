"""Responses that are decoded without being in the archive."""

from datetime import UTC, date, datetime

from assets.framework.contract.dataset import Dataset
from warehouse.archive import ArchivedResponse


def unarchived_response(
    dataset: Dataset,
    body: bytes,
    *,
    device_id: str,
    request_date: date | None,
    request_end_date: date | None = None,
    zone: str,
    params: str = "",
    redaction_version: int | None = None,
) -> ArchivedResponse:
    """Return a response of one page in the form that decoders take.

    Args:
        dataset: The dataset that the response is for.
        body: JSON as the archive would hold it.
        device_id: The device that it is about.
        request_date: The first day requested; None if the dataset is not requested by day.
        request_end_date: The last day requested; None if it is the first.
        zone: IANA time zone in which days are understood.
        params: Request parameters as JSON.
        redaction_version: Version of the redaction rules applied to the body.
    """
    now = datetime.now(UTC)
    return ArchivedResponse(
        response_id=1,
        fetch_id=1,
        segment=1,
        dataset=dataset.name,
        device_id=device_id,
        request_date=request_date,
        request_zone=zone,
        path=dataset.endpoint.path,
        params=params,
        status=200,
        requested_at=now,
        fetched_at=now,
        page=1,
        page_count=1,
        complete=True,
        rows=None,
        redaction_version=redaction_version,
        account="",
        body=body,
        request_end_date=request_end_date,
    )
