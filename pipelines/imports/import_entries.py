"""Archive entries of answers that were found in files, as if the API had been asked for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.request import Request
from givenergy.redaction import Redaction, redaction_of
from givenergy.server_clock import utc_now
from pipelines.imports.recognition import is_of_device
from pipelines.imports.saved_answers import SavedAnswer, SavedPage
from warehouse.archive import Entry, Rank
from warehouse.source_names import IMPORT_SOURCE


@dataclass(frozen=True, slots=True)
class EntryMaker:
    """Makes the entries of one data folder.

    Attributes:
        zone: IANA time zone of the days.
        account: Key of the folder's account; "" if it has none yet.
        keep_personal: Personal leaves that the owner keeps.
        pseudonym_key: Key of the pseudonyms; None in a dry run.
    """

    zone: str
    account: str
    keep_personal: frozenset[str]
    pseudonym_key: bytes | None

    def entries(self, answer: SavedAnswer) -> list[Entry]:
        """Return the entries of an answer, one for each page."""
        dataset, day = answer.dataset, answer.day
        endpoint = dataset.endpoint
        redaction = redaction_of(
            endpoint, keep_personal=self.keep_personal, pseudonym_key=self.pseudonym_key
        )
        request = _request(answer, self.zone)
        path = endpoint.url_path(request.path)
        in_ranges = dataset.takes_ranges and day is not None
        fetched_at = fetched_when(answer)
        entries = []
        for number, page in enumerate(answer.pages):
            body, redaction_version = redaction.body(page.body)
            counted = answer.counted if answer.counted is not None else page.rows
            is_first = number == 0
            entries.append(
                Entry(
                    dataset=dataset.name,
                    device_id=answer.device_id,
                    request_date=day,
                    request_end_date=day if in_ranges else None,
                    day_rows=[counted or 0] if in_ranges and is_first else None,
                    request_zone=self.zone,
                    method=endpoint.method,
                    path=path,
                    params=_params(request, page, endpoint.page_size, redaction),
                    status=200,
                    outcome="ok",
                    error_kind=None,
                    message=answer.message,
                    requested_at=fetched_at,
                    fetched_at=fetched_at,
                    page=page.number,
                    page_count=len(answer.pages),
                    complete=answer.complete,
                    rows=page.rows,
                    body=body,
                    attempts=1,
                    redaction_version=redaction_version,
                    account=self.account,
                    source=IMPORT_SOURCE,
                    source_file=page.file.name,
                    source_sha256=page.file.sha256,
                    rank=Rank.IMPORT,
                )
            )
        return entries


def fetched_when(answer: SavedAnswer) -> datetime:
    """Return when an answer was fetched: not before its newest row, and not in the future."""
    at = answer.saved_at if answer.newest is None else max(answer.saved_at, answer.newest)
    return min(at, utc_now())


def _request(answer: SavedAnswer, zone: str) -> Request:
    """Return the request that givlake would make for an answer."""
    dataset = answer.dataset
    if isinstance(dataset, DailyDataset) and isinstance(answer.day, date):
        return dataset.request(answer.device_id, answer.day, answer.day, zone)
    return Request(path={"inverter": answer.device_id} if is_of_device(dataset) else {})


def _params(request: Request, page: SavedPage, page_size: int | None, redaction: Redaction) -> str:
    parameters: dict[str, Any] = {**request.query, **_body(request)}
    if page_size is not None:
        parameters |= {"page": page.number, "pageSize": page_size}
    return msgspec.json.encode(redaction.params(parameters), order="deterministic").decode()


def _body(request: Request) -> Mapping[str, Any]:
    return request.body or {}
