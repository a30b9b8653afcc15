"""The code tables of the API: what a code means.

Only what the API documents or is recorded to send, in our own words. Which column has which codes
is defined in the schemas of the datasets.
"""

from givenergy.codes.loader import (
    Code,
    CodeTableError,
    UnitConversion,
    all_codes,
    charger_modes,
    codes_with_flag,
    domain,
    measurand_units,
    observed_codes,
    unit_conversions,
)

__all__ = [
    "Code",
    "CodeTableError",
    "UnitConversion",
    "all_codes",
    "charger_modes",
    "codes_with_flag",
    "domain",
    "measurand_units",
    "observed_codes",
    "unit_conversions",
]
