"""Codes of an EMS, its inverters and its meters (API documentation, EMS Data)."""

from __future__ import annotations

from givenergy.codes.code import table

__all__ = ["CODES"]

EMS_STATUS = table(
    "ems_status",
    (
        ("0", "WAITING", "Running, with nothing to do."),
        ("1", "NORMAL", "Running as it should."),
        ("2", "WARNING", "Running, with at least one warning."),
        ("3", "ERROR", "At least one fault."),
        ("4", "UPDATING", "Installing new firmware."),
        ("5", "BYPASS", "Power passes it by."),
    ),
)

# There is no 6.
EMS_INVERTER_STATUS = table(
    "ems_inverter_status",
    (
        ("0", "DISABLED", "No inverter is set up in this place."),
        ("1", "WAITING", "Connected, with no power to handle."),
        ("2", "ONLINE", "Connected and running."),
        ("3", "WARNING", "Connected, with at least one warning."),
        ("4", "ERROR", "Connected, with at least one fault."),
        ("5", "FLASH", "Its firmware is being written."),
        ("7", "OFFLINE", "Set up, but out of the EMS's reach."),
    ),
)

EMS_METER_STATUS = table(
    "ems_meter_status",
    (
        ("0", "DISABLED", "No meter is set up in this place."),
        ("1", "ONLINE", "Connected and measuring."),
        ("2", "OFFLINE", "Set up, but out of the EMS's reach."),
    ),
)

EMS_METER_TYPE = table(
    "ems_meter_type",
    (
        ("0", "GRID", "Measures import and export."),
        ("1", "GENERATION", "Measures a source of power, such as solar panels."),
        ("2", "LOAD", "Measures what the house uses."),
        ("3", "OTHER", "Measures something else."),
    ),
)

CODES = (*EMS_STATUS, *EMS_INVERTER_STATUS, *EMS_METER_STATUS, *EMS_METER_TYPE)
