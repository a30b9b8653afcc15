"""Archive the failed attempts of a client: status, message and the beginning of the body."""

from datetime import date

import msgspec

from givenergy.models import FailedAttempt
from warehouse.archive import Entry, Rank
from warehouse.lake import Lake
from warehouse.source_names import API_SOURCE


class AttemptArchiver:
    """Archive every failed attempt of a client."""

    def __init__(self, lake: Lake, source: str = API_SOURCE, account: str = "") -> None:
        self._lake = lake
        self._source = source
        self.account = account

    def archive(self, attempt: FailedAttempt) -> None:
        """Archive an attempt."""
        day = attempt.context.get("request_date")
        end = attempt.context.get("request_end_date")
        self._lake.archive.append(
            [
                Entry(
                    dataset=attempt.context.get("dataset", attempt.endpoint),
                    device_id=attempt.context.get("device_id", ""),
                    request_date=date.fromisoformat(day) if day else None,
                    request_end_date=date.fromisoformat(end) if end else None,
                    request_zone=attempt.context.get("request_zone"),
                    method=attempt.method,
                    path=attempt.url_path,
                    params=msgspec.json.encode(attempt.params, order="deterministic").decode(),
                    status=attempt.status,
                    outcome="error",
                    error_kind=attempt.kind,
                    message=attempt.message,
                    requested_at=attempt.requested_at,
                    fetched_at=attempt.ended_at,
                    page=1,
                    page_count=1,
                    complete=False,
                    rows=None,
                    body=attempt.excerpt,
                    attempts=1,
                    redaction_version=None,
                    account=self.account,
                    source=self._source,
                    rank=Rank.API if self._source == API_SOURCE else Rank.OTHER_API,
                )
            ]
        )
