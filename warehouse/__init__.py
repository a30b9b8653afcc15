"""Where data rest: the archive of responses, the tables made from it, and the catalogue.

Nothing here knows of GivEnergy or of Dagster: what is asked for, and what it means, is the
business of ``givenergy`` and ``assets``.
"""

from warehouse.archive import Archive, ArchivedResponse, Entry, PackReport, pack
from warehouse.build import build, is_built, mend_tables, rebuild
from warehouse.catalogue import connect, execute, publish, retrying
from warehouse.check import Finding, check
from warehouse.coverage import (
    COVERAGE_SCHEMA,
    CoverageRule,
    State,
    coverage,
    coverage_by_month,
    refresh_coverage,
)
from warehouse.decoding import QUARANTINE_SCHEMA, Decoded, Decoder, Drift
from warehouse.errors import (
    AccountingError,
    DamagedError,
    LockTimeoutError,
    StoreError,
    VersionError,
    WarehouseError,
)
from warehouse.forget import ForgetReport, forget
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.tables import TableSpec
from warehouse.work import BuildReport, Limits

__all__ = [
    "COVERAGE_SCHEMA",
    "EXPECTED_SCHEMA",
    "QUARANTINE_SCHEMA",
    "AccountingError",
    "Archive",
    "ArchivedResponse",
    "BuildReport",
    "CoverageRule",
    "DamagedError",
    "Decoded",
    "Decoder",
    "Drift",
    "Entry",
    "Finding",
    "ForgetReport",
    "Lake",
    "Limits",
    "LockTimeoutError",
    "PackReport",
    "State",
    "StoreError",
    "TableSpec",
    "VersionError",
    "WarehouseError",
    "build",
    "check",
    "connect",
    "coverage",
    "coverage_by_month",
    "execute",
    "forget",
    "is_built",
    "mend_tables",
    "pack",
    "publish",
    "rebuild",
    "refresh_coverage",
    "retrying",
]
