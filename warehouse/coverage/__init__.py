"""Coverage: which days of each device are complete, confirmed empty or missing."""

from warehouse.coverage.coverage_fact import (
    NOT_BUILT_REASON,
    SETTLED,
    TO_CONFIRM_REASON,
    UNSUCCESSFUL,
    CoverageRule,
    State,
    day_is_over_at,
)
from warehouse.coverage.coverage_report import COVERAGE_SCHEMA, coverage_by_month
from warehouse.coverage.day_evidence import drop_evidence
from warehouse.coverage.fact_store import data_days, first_data_days, refresh_coverage
from warehouse.coverage.missing import (
    Gap,
    add_gaps,
    between,
    days_to_fetch,
    days_to_fill,
    in_states,
    joined_gaps,
    missing_days,
    not_whole_days,
    overdue_days,
)

__all__ = [
    "COVERAGE_SCHEMA",
    "NOT_BUILT_REASON",
    "SETTLED",
    "TO_CONFIRM_REASON",
    "UNSUCCESSFUL",
    "CoverageRule",
    "Gap",
    "State",
    "add_gaps",
    "between",
    "coverage_by_month",
    "data_days",
    "day_is_over_at",
    "days_to_fetch",
    "days_to_fill",
    "drop_evidence",
    "first_data_days",
    "in_states",
    "joined_gaps",
    "missing_days",
    "not_whole_days",
    "overdue_days",
    "refresh_coverage",
]
