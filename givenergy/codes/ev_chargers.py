"""Codes of EV chargers and their sessions (API documentation, EV Charger).

What can be set on a charger stands in `charger_commands`, what its meters measure in `ev_meters`.
"""

from __future__ import annotations

from givenergy.codes.code import table

__all__ = ["CODES"]

EV_CHARGER_STATUS = table(
    "ev_charger_status",
    (
        ("Available", "Available", "No vehicle is plugged in."),
        ("Preparing", "Preparing", "Plugged in, ready to begin."),
        ("Charging", "Charging", "The vehicle is taking energy."),
        ("SuspendedEVSE", "SuspendedEVSE", "The charger has halted the session."),
        ("SuspendedEV", "SuspendedEV", "The vehicle has halted the session."),
        ("Finishing", "Finishing", "A session is over; the next cannot begin yet."),
        ("Reserved", "Reserved", "Held for a session to come."),
        ("Unavailable", "Unavailable", "No session can be begun."),
        ("Faulted", "Faulted", "At least one fault."),
    ),
)

STOP_REASON = table(
    "stop_reason",
    (
        ("EmergencyStop", "EmergencyStop", "Somebody pushed the emergency button."),
        ("EVDisconnected", "EVDisconnected", "The cable was pulled out of the vehicle."),
        ("HardReset", "HardReset", "The charger was told to restart at once."),
        ("Local", "Local", "Somebody held an RFID tag to the charger."),
        ("Other", "Other", "Something that has no code of its own."),
        ("PowerLoss", "PowerLoss", "The charger lost its supply."),
        ("Reboot", "Reboot", "The charger restarted by itself or on the spot."),
        ("Remote", "Remote", "Ended from afar, such as by app, portal or API."),
        ("SoftReset", "SoftReset", "The charger was told to restart in good order."),
        ("UnlockCommand", "UnlockCommand", "The charger was told to let go of the plug."),
        ("DeAuthorized", "DeAuthorized", "The tag or user had no leave to charge."),
    ),
)

ID_TAG = table(
    "id_tag",
    (
        ("PLUG_AND_GO", "PLUG_AND_GO", "Began by itself when the vehicle was plugged in."),
        ("INVERTER_CONTROL", "INVERTER_CONTROL", "Begun on the inverter's behalf."),
    ),
)

CODES = (*EV_CHARGER_STATUS, *STOP_REASON, *ID_TAG)
