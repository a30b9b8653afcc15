"""Codes of what can be set on an EV charger, and of how it answers (EV Charger, Commands).

givlake reads what was set and sends no command; the answers' codes are here to be looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from givenergy.codes.code import table

__all__ = [
    "CODES",
    "COMMANDS_WITHOUT_DATA",
    "CONFIGURATION_CHARGER_MODES",
    "INSTALLATION_CHARGER_MODES",
    "OBSERVED",
]

CHARGER_COMMAND = table(
    "charger_command",
    (
        ("start-charge", "start-charge", "Begins to charge."),
        ("stop-charge", "stop-charge", "Ends charging."),
        ("adjust-charge-power-limit", "adjust-charge-power-limit", "Limits the current, in A."),
        (
            "set-plug-and-go",
            "set-plug-and-go",
            "Whether plugging in is enough to begin, while the charger is in contact.",
        ),
        (
            "set-session-energy-limit",
            "set-session-energy-limit",
            "Ends a session after so many kWh.",
        ),
        ("set-schedule", "set-schedule", "Stores a schedule, which is not in force by that."),
        ("unlock-connector", "unlock-connector", "Lets go of the plug, if the vehicle allows it."),
        ("delete-charging-profile", "delete-charging-profile", "Removes a schedule, or all."),
        ("change-mode", "change-mode", "Chooses where the energy comes from."),
        ("restart-charger", "restart-charger", "Restarts the charger."),
        (
            "change-randomised-delay-duration",
            "change-randomised-delay-duration",
            "How long a scheduled begin may be put off at random, which spares the grid.",
        ),
        ("add-id-tags", "add-id-tags", "Makes ID tags known to the charger."),
        ("delete-id-tags", "delete-id-tags", "Makes the charger forget ID tags."),
        ("rename-id-tag", "rename-id-tag", "Gives an ID tag another alias."),
        (
            "installation-mode",
            "installation-mode",
            "What the charger is installed with; superseded by configuration-mode.",
        ),
        ("setup-version", "setup-version", "Undescribed; takes a whole number."),
        ("set-active-schedule", "set-active-schedule", "Puts a schedule in force, or none."),
        ("set-max-import-capacity", "set-max-import-capacity", "What the main supply bears, in A."),
        ("enable-front-panel-led", "enable-front-panel-led", "Whether the front shows a light."),
        (
            "configure-inverter-control",
            "configure-inverter-control",
            "How battery and vehicle share the energy under inverter control.",
        ),
        ("perform-factory-reset", "perform-factory-reset", "Sets everything back to new."),
        ("configuration-mode", "configuration-mode", "What the charger is installed with."),
        ("enable-local-control", "enable-local-control", "Whether Modbus may control it on site."),
    ),
)

# To ask for their data is in vain: it is always null or an empty list.
COMMANDS_WITHOUT_DATA: frozenset[str] = frozenset(
    {
        "start-charge",
        "stop-charge",
        "unlock-connector",
        "delete-charging-profile",
        "restart-charger",
        "change-randomised-delay-duration",
        "delete-id-tags",
        "rename-id-tag",
        "perform-factory-reset",
    }
)

CHARGER_MODE = table(
    "charger_mode",
    (
        ("SuperEco", "Eco+", "Solar excess only, from 6 A upwards."),
        ("Eco", "Eco", "At least 6 A, from the grid if need be, and solar excess above it."),
        ("Boost", "Boost", "Solar and grid together, as much as the limit allows."),
        ("ModbusSlave", "Inverter Control", "As the GivEnergy inverter says."),
    ),
)

# In the example of `change-mode` and beside an installation mode.
OBSERVED = table("charger_mode", (("EcoPlus", "Eco+", "Another spelling of SuperEco."),))

CONFIGURATION_MODE = table(
    "configuration_mode",
    (
        ("A", "Standalone", "Mains and internet, nothing else."),
        ("B", "Standalone With PV", "As A, beside another maker's solar inverter."),
        ("C", "CT Meter", "Wired to a meter that sees the grid."),
        ("D", "Inverter Control Cloud", "Led by a GivEnergy inverter through the platform."),
        (
            "E",
            "Inverter Control Local (coming soon)",
            "Led by a GivEnergy inverter through a wire; announced only.",
        ),
    ),
)

# Which charger modes a configuration mode offers.
CONFIGURATION_CHARGER_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "A": ("Boost",),
        "B": ("Boost",),
        "C": ("Boost", "Eco", "SuperEco"),
        "D": ("ModbusSlave",),
        "E": ("ModbusSlave",),
    }
)

INSTALLATION_MODE = table(
    "installation_mode",
    (
        ("standalone", "Standalone", "No measuring device is attached."),
        ("ct_meter", "CT + Meter", "At least one EM115, one of which sees the grid."),
        ("inverter_control", "Inverter Control", "Attached to a GivEnergy inverter."),
    ),
)

# Which charger modes an installation mode offers, as the documentation spells them.
INSTALLATION_CHARGER_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "standalone": ("Boost",),
        "ct_meter": ("Boost", "Eco", "EcoPlus"),
        "inverter_control": ("ModbusSlave",),
    }
)

CHARGER_POWER_LIMIT_UNIT = table(
    "charger_power_limit_unit",
    (("A", "A", "The limit is a current in amperes."), ("W", "W", "The limit is in watts.")),
)

SCHEDULE_DAY = table(
    "schedule_day",
    (
        ("0", "Monday", "First day of a schedule's week."),
        ("1", "Tuesday", "Second day of a schedule's week."),
        ("2", "Wednesday", "Third day of a schedule's week."),
        ("3", "Thursday", "Fourth day of a schedule's week."),
        ("4", "Friday", "Fifth day of a schedule's week."),
        ("5", "Saturday", "Sixth day of a schedule's week."),
        ("6", "Sunday", "Last day of a schedule's week."),
    ),
)

COMMAND_RESPONSE = table(
    "command_response",
    (
        ("0", "SUCCESS", "Sent."),
        ("-1", "TIMEOUT", "The charger kept silent for too long."),
        ("-2", "CHARGER_OFFLINE", "The charger is out of contact, so nothing reached it."),
        ("-3", "INVALID_DATA", "The data broke the command's rules, so nothing was sent."),
        ("-4", "FAILURE", "The charger did it, but answered oddly."),
        ("-5", "ERROR", "Platform or charger failed on the way; the answer says more."),
    ),
)

OCPP_ERROR = table(
    "ocpp_error",
    (
        ("NotImplemented", "NotImplemented", "The charger does not know such a request."),
        ("NotSupported", "NotSupported", "The charger knows it, but cannot do it."),
        ("InternalError", "InternalError", "The charger failed by itself."),
        ("ProtocolError", "ProtocolError", "Something that the request needs is missing."),
        ("SecurityError", "SecurityError", "The charger's protection stands against it."),
        ("FormationViolation", "FormationViolation", "The request is built wrongly."),
        (
            "PropertyConstraintViolation",
            "PropertyConstraintViolation",
            "A field has a value that is not allowed.",
        ),
        (
            "OccurenceConstraintViolation",
            "OccurenceConstraintViolation",
            "A field stands there too often or too seldom.",
        ),
        (
            "TypeConstraintViolation",
            "TypeConstraintViolation",
            "A field has a value of the wrong type.",
        ),
        ("GenericError", "GenericError", "Anything else."),
    ),
)

CODES = (
    *CHARGER_COMMAND,
    *CHARGER_MODE,
    *CONFIGURATION_MODE,
    *INSTALLATION_MODE,
    *CHARGER_POWER_LIMIT_UNIT,
    *SCHEDULE_DAY,
    *COMMAND_RESPONSE,
    *OCPP_ERROR,
    *OBSERVED,
)
