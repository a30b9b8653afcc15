"""The archive: every fetched response, unchanged. Nothing here decodes a body."""

from warehouse.archive.compaction import CompactionReport, compact
from warehouse.archive.entry import (
    API_SOURCE,
    ARCHIVE_SCHEMA,
    IMPORT_SOURCE,
    LOCAL_SOURCE,
    OTHER_SOURCES,
    ArchivedResponse,
    Entry,
    Rank,
)
from warehouse.archive.store import Archive, ResponseBatch

__all__ = [
    "API_SOURCE",
    "ARCHIVE_SCHEMA",
    "IMPORT_SOURCE",
    "LOCAL_SOURCE",
    "OTHER_SOURCES",
    "Archive",
    "ArchivedResponse",
    "CompactionReport",
    "Entry",
    "Rank",
    "ResponseBatch",
    "compact",
]
