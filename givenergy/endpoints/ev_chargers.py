"""EV chargers: what they are, measured, charged and are set to (API documentation, EV Charger).

ID tags and user numbers tell who charged when, names are the owner's own words: each endpoint says
which leaves may be kept. Sending a command does not belong here; what a command last set does.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

__all__ = [
    "EV_CHARGER",
    "EV_CHARGERS",
    "EV_CHARGER_COMMANDS",
    "EV_CHARGER_COMMAND_DATA",
    "EV_CHARGING_SESSIONS",
    "EV_METER_DATA",
]

_OF_A_CHARGER = ("uuid", "serial_number", "type", "online", "went_offline_at", "status")
_OF_A_SESSION = ("meter_start", "started_at", "meter_stop", "stopped_at", "stop_reason")
# In place of an ID tag, for a session that nobody's tag began (API documentation, ID Tags).
_NO_TAGS = frozenset({"PLUG_AND_GO", "INVERTER_CONTROL"})

# What the commands' data holds (API documentation, Commands), but for ID tags and names.
_OF_A_COMMAND = frozenset(
    {
        "data",
        "data.min",
        "data.max",
        "data.value",
        "data.unit",
        "data.active",
        "data.available[]",
        "data.mode",
        "data.inverter_battery_export_split",
        "data.max_battery_discharge_power_to_evc",
        "data.schedule_id",
        "data.schedules[].id",
        "data.schedules[].is_active",
        "data.schedules[].periods[].days[]",
        "data.schedules[].periods[].start_time",
        "data.schedules[].periods[].end_time",
        "data.schedules[].periods[].limit",
        "data.id_tags[].expiry_date",
        "data.id_tags[].created_at",
        "data.maximum_id_tags",
    }
)

EV_CHARGERS = Endpoint(
    name="ev_chargers",
    method="GET",
    path="/ev-charger",
    scope="api:ev-charger:list",
    account_type="customer",
    page_size=1000,
    keep=PAGING | {f"data[].{leaf}" for leaf in _OF_A_CHARGER},
    personal=frozenset({"data[].alias"}),
)

EV_CHARGER = Endpoint(
    name="ev_charger",
    method="GET",
    path="/ev-charger/{charger}",
    scope="api:ev-charger:read",
    keep=frozenset(f"data.{leaf}" for leaf in _OF_A_CHARGER),
    personal=frozenset({"data.alias"}),
)

# A reading a minute of each of 4 meters: the 25 hours of the longest day are 6,000 rows.
EV_METER_DATA = Endpoint(
    name="ev_meter_readings",
    method="GET",
    path="/ev-charger/{charger}/meter-data",
    scope="api:ev-charger:data",
    page_size=10_000,
)

EV_CHARGING_SESSIONS = Endpoint(
    name="ev_charging_sessions",
    method="GET",
    path="/ev-charger/{charger}/charging-sessions",
    scope="api:ev-charger:data",
    page_size=1000,
    keep=PAGING
    | {f"data[].{leaf}" for leaf in _OF_A_SESSION}
    | {"params.start_time", "params.end_time"},
    pseudonymise=frozenset({"data[].started_by", "data[].stopped_by"}),
    plain=_NO_TAGS,
)

EV_CHARGER_COMMANDS = Endpoint(
    name="ev_charger_commands",
    method="GET",
    path="/ev-charger/{charger}/commands",
    scope="api:ev-charger:control",
)

EV_CHARGER_COMMAND_DATA = Endpoint(
    name="ev_charger_command_data",
    method="GET",
    path="/ev-charger/{charger}/commands/{command}",
    scope="api:ev-charger:control",
    single=True,
    keep=_OF_A_COMMAND,
    personal=frozenset({"data.schedules[].name", "data.id_tags[].alias"}),
    pseudonymise=frozenset({"data.id_tags[].id"}),
    plain=_NO_TAGS,
)
