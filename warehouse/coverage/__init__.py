"""Coverage: for every device and day, what is there, what is truly empty, what is missing."""

from warehouse.coverage.fact import NOT_BUILT_REASON, CoverageRule, State
from warehouse.coverage.facts import refresh_coverage
from warehouse.coverage.report import COVERAGE_SCHEMA, coverage, coverage_by_month

__all__ = [
    "COVERAGE_SCHEMA",
    "NOT_BUILT_REASON",
    "CoverageRule",
    "State",
    "coverage",
    "coverage_by_month",
    "refresh_coverage",
]
