"""The archive: every fetched response, unchanged. Nothing here decodes a body."""

from warehouse.archive.compaction import CompactionReport, compact
from warehouse.archive.entry import (
    ARCHIVE_SCHEMA,
    ArchivedResponse,
    Entry,
    Rank,
)
from warehouse.archive.store import Archive, ResponseBatch

__all__ = [
    "ARCHIVE_SCHEMA",
    "Archive",
    "ArchivedResponse",
    "CompactionReport",
    "Entry",
    "Rank",
    "ResponseBatch",
    "compact",
]
