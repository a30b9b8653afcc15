"""The archive: what was fetched, as it came. Nothing here decodes a body."""

from warehouse.archive.compaction import CompactionReport, compact
from warehouse.archive.entry import ARCHIVE_SCHEMA, ArchivedResponse, Entry
from warehouse.archive.store import Archive, ResponseBatch

__all__ = [
    "ARCHIVE_SCHEMA",
    "Archive",
    "ArchivedResponse",
    "CompactionReport",
    "Entry",
    "ResponseBatch",
    "compact",
]
