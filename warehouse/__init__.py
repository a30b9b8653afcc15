"""Storage: the archive of responses, the tables built from it, and the catalogue of views.

Independent of the GivEnergy API and of Dagster, which `givenergy`, `assets` and `pipelines` handle.
"""

from warehouse import owner_inputs
from warehouse.accounting.finding_store import (
    FINDINGS_SCHEMA,
    erase_findings,
    findings_lock,
    month_digests,
    read_findings,
    write_findings,
)
from warehouse.archive import Archive, ArchivedResponse, CompactionReport, Entry, compact
from warehouse.catalogue import publish
from warehouse.connection import connect, execute, retrying
from warehouse.coverage import (
    COVERAGE_SCHEMA,
    NOT_BUILT_REASON,
    SETTLED,
    TO_CONFIRM_REASON,
    UNSUCCESSFUL,
    CoverageRule,
    Gap,
    State,
    add_gaps,
    between,
    coverage_by_month,
    data_days,
    day_is_over_at,
    days_to_fetch,
    first_data_days,
    in_states,
    joined_gaps,
    missing_days,
    not_whole_days,
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
from warehouse.index.watermarks import (
    Pending,
    pending_responses,
    publish_watermarks,
)
from warehouse.interface.decoder_protocol import (
    QUARANTINE_SCHEMA,
    Decoded,
    Decoder,
    Drift,
    Listing,
)
from warehouse.interface.device_limit import DeviceLimit
from warehouse.interface.duckdb_types import arrow_type, column_types
from warehouse.interface.table_spec import History, TableSpec
from warehouse.interface.view_spec import ViewSpec, comment_of
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.read_only import ReadOnlyLake
from warehouse.standard_views import SYSTEM_VIEWS, system_views, table_views
from warehouse.storage.file_locks import FileLock
from warehouse.storage.layout import state_file
from warehouse.storage.state_file import read_state
from warehouse.table_repair import repair_tables
from warehouse.tables.build import build, build_pending, rebuild, row_counts
from warehouse.tables.build_report import BuildReport, Limits
from warehouse.vacuum import vacuum
from warehouse.verification.canonical_form import Days
from warehouse.verification.integrity import IntegrityFinding, Remedy, check
from warehouse.verification.manifest import make_manifest
from warehouse.verification.verify import Verification, verify
from warehouse.zone_corrections import add_correction

__all__ = [
    "COVERAGE_SCHEMA",
    "EXPECTED_SCHEMA",
    "FINDINGS_SCHEMA",
    "NOT_BUILT_REASON",
    "QUARANTINE_SCHEMA",
    "SETTLED",
    "SYSTEM_VIEWS",
    "TO_CONFIRM_REASON",
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
    "DeviceLimit",
    "Drift",
    "Entry",
    "ExportLayout",
    "ExportReport",
    "FileLock",
    "ForgetReport",
    "Gap",
    "History",
    "IntegrityFinding",
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
    "add_correction",
    "add_gaps",
    "arrow_type",
    "between",
    "build",
    "build_pending",
    "check",
    "column_types",
    "comment_of",
    "compact",
    "connect",
    "coverage_by_month",
    "data_days",
    "day_is_over_at",
    "days_to_fetch",
    "erase_findings",
    "execute",
    "export_bodies",
    "export_tables",
    "findings_lock",
    "first_data_days",
    "forget",
    "in_states",
    "is_known",
    "joined_gaps",
    "make_manifest",
    "missing_days",
    "month_digests",
    "not_whole_days",
    "overdue_days",
    "owner_inputs",
    "pattern_of",
    "pending_responses",
    "publish",
    "publish_watermarks",
    "read_findings",
    "read_state",
    "rebuild",
    "refresh_coverage",
    "repair_tables",
    "retrying",
    "row_counts",
    "state_file",
    "system_views",
    "table_views",
    "unfinished",
    "vacuum",
    "verify",
    "write_findings",
]
