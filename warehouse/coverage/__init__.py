"""Coverage: for every device and day, what is there, what is truly empty, what is missing."""

from warehouse.coverage.coverage_fact import NOT_BUILT_REASON, CoverageRule, State
from warehouse.coverage.coverage_report import COVERAGE_SCHEMA, coverage, coverage_by_month
from warehouse.coverage.fact_store import refresh_coverage

__all__ = [
    "COVERAGE_SCHEMA",
    "NOT_BUILT_REASON",
    "CoverageRule",
    "State",
    "coverage",
    "coverage_by_month",
    "refresh_coverage",
]
