"""What is configured at an EV charger, as the API keeps it by command (contract, "Commands").

Belongs here: which commands a charger supports and the data of each. Does not belong here:
carrying a command out, which this simulator never does.
"""

from typing import Any

from simulator.ev_chargers import Charger
from simulator.ev_session_rows import id_tags
from simulator.noise import uniform, uuid_of

_INSTALLATIONS = (("C", "ct_meter"), ("D", "inverter_control"), ("A", "standalone"))
_MODES = {"A": ["Boost"], "C": ["Eco", "SuperEco", "Boost"], "D": ["ModbusSlave"]}
_NOT_BY_ALL = ("set-max-import-capacity", "enable-local-control", "configure-inverter-control")


def data_by_command(charger: Charger) -> dict[str, Any]:
    """The commands that a charger supports, in the order of listing, with their data."""
    configuration, installation = _INSTALLATIONS[charger.number % len(_INSTALLATIONS)]
    modes = _MODES[configuration]
    chance = uniform(charger.key + 40, range(4)).tolist()
    schedules = _schedules(charger) if charger.number % 2 == 0 else []
    data: dict[str, Any] = {
        "start-charge": [],
        "stop-charge": [],
        "adjust-charge-power-limit": {"min": 6, "max": 32, "value": 32, "unit": "A"},
        "set-plug-and-go": chance[0] < 0.5,
        "set-session-energy-limit": {
            "min": 0.1,
            "max": 250,
            "value": None if chance[1] < 0.5 else 54.5,
            "unit": "kWh",
        },
        "set-schedule": {"schedules": schedules},
        "unlock-connector": [],
        "delete-charging-profile": [],
        "change-mode": {"active": modes[-1], "available": modes},
        "restart-charger": [],
        "change-randomised-delay-duration": None,
        "add-id-tags": {"id_tags": _tags(charger), "maximum_id_tags": 200},
        "delete-id-tags": None,
        "rename-id-tag": None,
        "installation-mode": installation,
        "setup-version": None,
        "set-active-schedule": {"schedule_id": schedules[0]["id"] if schedules else None},
        "set-max-import-capacity": {"value": 80},
        "enable-front-panel-led": {"value": chance[2] < 0.8},
        "configure-inverter-control": {
            "inverter_battery_export_split": 0.5,
            "max_battery_discharge_power_to_evc": 0,
            "mode": "SuperEco",
        },
        "perform-factory-reset": [],
        "configuration-mode": {"value": configuration},
        "enable-local-control": {"value": False},
    }
    lacking = _NOT_BY_ALL[charger.number % len(_NOT_BY_ALL)]
    return {command: held for command, held in data.items() if command != lacking}


def _schedules(charger: Charger) -> list[dict[str, Any]]:
    return [
        {
            "id": uuid_of("schedule", charger.uuid, number),
            "name": name,
            "is_active": number == 0,
            "periods": [{"days": days, "start_time": start, "end_time": end, "limit": limit}],
        }
        for number, (name, days, start, end, limit) in enumerate(
            (
                ("Cheap nights", [0, 1, 2, 3, 4, 5, 6], "00:30", "04:30", 32),
                ("Sunday noon", [6], "11:00", "15:00", 10),
            )
        )
    ]


def _tags(charger: Charger) -> list[dict[str, Any]]:
    first, second = id_tags(charger)
    created = f"{charger.registered.isoformat()}T09:30:00Z"
    return [
        {"id": first, "alias": "Simone's key ring", "expiry_date": None, "created_at": created},
        {
            "id": second,
            "alias": None,
            "expiry_date": "2035-12-31T00:00:00Z",
            "created_at": created,
        },
    ]
