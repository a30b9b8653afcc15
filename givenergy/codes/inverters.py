"""Codes of inverters: status, flags, answers to remote control.

API documentation, Inverter Data, Inverter Flags and Remote Control Codes.
"""

from __future__ import annotations

from givenergy.codes.code import table

__all__ = ["CODES", "OBSERVED", "REMOTE_CONTROL_MAY_HAVE_WORKED"]

INVERTER_STATUS = table(
    "inverter_status",
    (
        ("NORMAL", "NORMAL", "Running and handling power."),
        ("WAITING", "WAITING", "Running, with no power to handle."),
        ("LOST", "LOST", "Out of contact."),
        ("UNKNOWN", "UNKNOWN", "New on the platform; no status sent yet."),
        ("ERROR", "ERROR", "At least one fault; works worse for it."),
        ("WARNING", "WARNING", "At least one warning; may work as usual."),
        ("UPDATING", "UPDATING", "Installing new firmware."),
        ("BYPASS", "BYPASS", "Power passes it by."),
    ),
)

INVERTER_FLAG = table(
    "inverter_flag",
    (
        (
            "full-power-discharge-in-eco-mode",
            "full-power-discharge-in-eco-mode",
            "Scheduled discharges run at full power in Eco mode too; without the flag only with "
            "Eco mode off.",
        ),
    ),
)

# Two statuses of later versions, and a flag that is recorded.
OBSERVED = (
    *table(
        "inverter_status",
        (
            ("OFF_GRID", "OFF_GRID", "Feeds the house without the grid."),
            ("ON_GRID", "ON_GRID", "Runs in parallel with the grid."),
        ),
    ),
    *table(
        "inverter_flag",
        (("is-controllable", "is-controllable", "By its name, it can be controlled."),),
    ),
)

REMOTE_CONTROL = table(
    "remote_control",
    (
        ("-1", "No answer in time", "The device was asked and kept silent for too long."),
        ("-2", "Device offline", "The device is out of contact, so nothing was sent."),
        ("-3", "No such device", "Unknown, or not shared with the account."),
        ("-4", "Invalid", "A value breaks the setting's rules; the answer may say which."),
        ("-5", "Server error", "The platform failed on the way."),
        ("-6", "Server silent", "The platform gave no answer."),
    ),
)

# After these the device may have done what it was told.
REMOTE_CONTROL_MAY_HAVE_WORKED: frozenset[str] = frozenset({"-1", "-5", "-6"})

CODES = (*INVERTER_STATUS, *INVERTER_FLAG, *REMOTE_CONTROL, *OBSERVED)
