"""Codes of energy flows: from where to where, and over how long (Energy Flow Data)."""

from __future__ import annotations

from givenergy.codes.code import table

__all__ = ["CODES"]

FLOW_TYPE = table(
    "flow_type",
    (
        ("0", "PV to Home", "Solar energy used in the house at once."),
        ("1", "PV to Battery", "Solar energy put into the battery."),
        ("2", "PV to Grid", "Solar energy exported."),
        ("3", "Grid to Home", "Imported energy used in the house at once."),
        ("4", "Grid to Battery", "Imported energy put into the battery."),
        ("5", "Battery to Home", "Battery energy used in the house."),
        ("6", "Battery to Grid", "Battery energy exported."),
    ),
)

FLOW_GROUPING = table(
    "flow_grouping",
    (
        ("0", "Half Hourly", "A row for each half hour."),
        ("1", "Daily", "A row for each day."),
        ("2", "Monthly", "A row for each month."),
        ("3", "Yearly", "A row for each year."),
        ("4", "Total", "One row for the whole time asked for."),
    ),
)

CODES = (*FLOW_TYPE, *FLOW_GROUPING)
