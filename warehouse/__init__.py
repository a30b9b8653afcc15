"""Where data rest: the archive of responses, the tables made from it, and the catalogue.

Nothing here knows of GivEnergy or of Dagster: what is asked for, and what it means, is the
business of ``givenergy`` and ``assets``.
"""

from warehouse.archive import Archive, ArchivedResponse, CompactionReport, Entry, compact
from warehouse.catalogue import ViewSpec, publish
from warehouse.connection import connect, execute, retrying
from warehouse.coverage import (
    COVERAGE_SCHEMA,
    NOT_BUILT_REASON,
    SETTLED,
    UNSUCCESSFUL,
    CoverageRule,
    Gap,
    State,
    add_gaps,
    between,
    coverage_by_month,
    day_is_over_at,
    days_to_fetch,
    joined_gaps,
    missing_days,
    overdue_days,
    refresh_coverage,
)
from warehouse.errors import (
    AccountingError,
    DamagedError,
    LockTimeoutError,
    StoreError,
    VersionError,
    WarehouseError,
)
from warehouse.export import ExportLayout, ExportReport, export_bodies, export_tables
from warehouse.forget import ForgetReport, forget, is_known, pattern_of, unfinished
from warehouse.interface.decoder_protocol import QUARANTINE_SCHEMA, Decoded, Decoder, Drift
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.read_only import ReadOnlyLake
from warehouse.storage.layout import state_file
from warehouse.storage.state_file import read_state
from warehouse.table_repair import repair_tables
from warehouse.tables import History, Listing, TableSpec
from warehouse.tables.build import build, build_pending, rebuild, row_counts
from warehouse.tables.builder import BuildReport, Limits
from warehouse.tables.watermarks import Pending, pending_responses
from warehouse.tables.watermarks import show as show_watermarks
from warehouse.vacuum import trim
from warehouse.verification.canonical_form import Days
from warehouse.verification.integrity import Finding, Remedy, check
from warehouse.verification.manifest import make_manifest
from warehouse.verification.verify import Verification, verify

__all__ = [
    "COVERAGE_SCHEMA",
    "EXPECTED_SCHEMA",
    "NOT_BUILT_REASON",
    "QUARANTINE_SCHEMA",
    "SETTLED",
    "UNSUCCESSFUL",
    "AccountingError",
    "Archive",
    "ArchivedResponse",
    "BuildReport",
    "CompactionReport",
    "CoverageRule",
    "DamagedError",
    "Days",
    "Decoded",
    "Decoder",
    "Drift",
    "Entry",
    "ExportLayout",
    "ExportReport",
    "Finding",
    "ForgetReport",
    "Gap",
    "History",
    "Lake",
    "Limits",
    "Listing",
    "LockTimeoutError",
    "Pending",
    "ReadOnlyLake",
    "Remedy",
    "State",
    "StoreError",
    "TableSpec",
    "Verification",
    "VersionError",
    "ViewSpec",
    "WarehouseError",
    "add_gaps",
    "between",
    "build",
    "build_pending",
    "check",
    "compact",
    "connect",
    "coverage_by_month",
    "day_is_over_at",
    "days_to_fetch",
    "execute",
    "export_bodies",
    "export_tables",
    "forget",
    "is_known",
    "joined_gaps",
    "make_manifest",
    "missing_days",
    "overdue_days",
    "pattern_of",
    "pending_responses",
    "publish",
    "read_state",
    "rebuild",
    "refresh_coverage",
    "repair_tables",
    "retrying",
    "row_counts",
    "show_watermarks",
    "state_file",
    "trim",
    "unfinished",
    "verify",
]
