"""Answers that the archive has, so that nothing is imported twice."""

import hashlib
from datetime import date, datetime

from pipelines.imports.saved_answers import SavedAnswer
from warehouse.archive import Entry
from warehouse.archive.entry import Rank
from warehouse.lake import Lake

_COLUMNS = (
    "response_id",
    "dataset",
    "device_id",
    "request_date",
    "outcome",
    "fetched_at",
    "complete",
    "body_sha256",
)


class KnownAnswers:
    """The answers in an archive, with those that this import adds."""

    def __init__(self, lake: Lake) -> None:
        """Read the index of the archive; no body is read."""
        self._known: set[bytes] = set()
        self._proven: set[bytes] = set()
        self._oldest_of_api: dict[tuple[str, str], datetime] = {}
        self._newest_of_others: dict[tuple[str, str], datetime] = {}
        for rows in lake.archive.scan(_COLUMNS):
            for row in rows.to_pylist():
                if row["outcome"] != "ok":
                    continue
                dataset, device_id = row["dataset"], row["device_id"]
                self._note(dataset, device_id, row["fetched_at"], Rank.of(row["response_id"]))
                key = _key(dataset, device_id, row["request_date"], row["body_sha256"])
                self._add(key, is_proven=row["complete"])

    def has(self, entries: list[Entry]) -> bool:
        """Return whether the archive has all pages of an answer with the same content.

        One that is proven only now is another one: its days were not complete before.
        """
        return all(
            _key_of(entry) in (self._proven if entry.complete else self._known) for entry in entries
        )

    def add(self, entries: list[Entry]) -> None:
        """Add an answer that has been archived."""
        for entry in entries:
            self._add(_key_of(entry), is_proven=entry.complete)
            self._note(entry.dataset, entry.device_id, entry.fetched_at, entry.rank)

    def _add(self, key: bytes, *, is_proven: bool) -> None:
        self._known.add(key)
        if is_proven:
            self._proven.add(key)

    def why_too_late(self, answer: SavedAnswer, fetched_at: datetime) -> str | None:
        """Return why a version cannot be added to a history; None if it can.

        Histories are told from one answer to the next, and an imported one counts as older than
        any of the API.
        """
        if all(table.unversioned_columns is None for table in answer.dataset.output_tables):
            return None
        subject = answer.dataset.name, answer.device_id
        oldest = self._oldest_of_api.get(subject)
        if oldest is not None and oldest <= fetched_at:
            return "givlake has an older answer of the API"
        newest = self._newest_of_others.get(subject)
        if newest is not None and newest >= fetched_at:
            return "a newer one was imported"
        return None

    def _note(self, dataset: str, device_id: str, at: datetime, rank: Rank) -> None:
        subject = dataset, device_id
        if rank is Rank.API:
            self._oldest_of_api[subject] = min(at, self._oldest_of_api.get(subject, at))
        else:
            self._newest_of_others[subject] = max(at, self._newest_of_others.get(subject, at))


def _key_of(entry: Entry) -> bytes:
    digest = hashlib.sha256(entry.body).digest()
    return _key(entry.dataset, entry.device_id, entry.request_date, digest)


def _key(dataset: str, device_id: str, day: date | None, digest: bytes) -> bytes:
    text = "\0".join((dataset, device_id, str(day))).encode() + b"\0" + digest
    return hashlib.blake2b(text, digest_size=16).digest()
