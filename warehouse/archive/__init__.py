"""The archive: every fetched response, unchanged. Nothing here decodes a body."""

from warehouse.archive.compaction import PackReport, pack
from warehouse.archive.entry import ARCHIVE_SCHEMA, ArchivedResponse, Entry
from warehouse.archive.store import Archive, ResponseBatch

__all__ = [
    "ARCHIVE_SCHEMA",
    "Archive",
    "ArchivedResponse",
    "Entry",
    "PackReport",
    "ResponseBatch",
    "pack",
]
