"""EV chargers (API documentation, EV Charger).

ID tags and user numbers show who charged when, names are the owner's own words: each endpoint lists
the leaves that may be kept.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

_CHARGER_LEAVES = ("uuid", "serial_number", "type", "online", "went_offline_at", "status")
_SESSION_LEAVES = ("meter_start", "started_at", "meter_stop", "stopped_at", "stop_reason")
# In place of an ID tag, for a session started without a tag (API documentation, ID Tags).
_NO_TAGS = frozenset({"PLUG_AND_GO", "INVERTER_CONTROL"})

# The data of the commands (API documentation, Commands), without ID tags and names.
_COMMAND_LEAVES = frozenset(
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
    keep=PAGING | {f"data[].{leaf}" for leaf in _CHARGER_LEAVES},
    personal=frozenset({"data[].alias"}),
)

EV_CHARGER = Endpoint(
    name="ev_charger",
    method="GET",
    path="/ev-charger/{charger}",
    scope="api:ev-charger:read",
    keep=frozenset(f"data.{leaf}" for leaf in _CHARGER_LEAVES),
    personal=frozenset({"data.alias"}),
)

# One reading per minute of each of 4 meters: 6,000 rows in the longest day, of 25 hours.
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
    | {f"data[].{leaf}" for leaf in _SESSION_LEAVES}
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
    keep=_COMMAND_LEAVES,
    personal=frozenset({"data.schedules[].name", "data.id_tags[].alias"}),
    pseudonymise=frozenset({"data.id_tags[].id"}),
    plain=_NO_TAGS,
)
