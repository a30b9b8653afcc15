"""Coverage: for every device and day, what is there, what is truly empty, what is missing."""

from warehouse.coverage.facts import CoverageRule, State, refresh_coverage
from warehouse.coverage.report import COVERAGE_SCHEMA, coverage

__all__ = ["COVERAGE_SCHEMA", "CoverageRule", "State", "coverage", "refresh_coverage"]
