"""The automation of charging by a tariff that varies with time (API version 1.53).

Only what reads; whatever changes a tariff or the automation is left out. The shapes are not
documented, and what belongs to a tariff can identify its customer (number of the meter or contract,
postcode), so text is kept only of leaves of likely names; numbers, booleans and times are kept, but
for long integers.
"""

from __future__ import annotations

from givenergy.endpoints.definition import Endpoint, unlisted

# The scope is assumed for all of them.
_SCOPE = "api:account:read"
_TIMES = (
    *("date", "start", "end", "start_time", "end_time", "start_at", "end_at", "from", "to"),
    *("valid_from", "valid_to", "created_at", "updated_at", "duration", "timezone"),
)
_ACTIONS = (
    *("id", "version", "type", "action", "mode", "state", "status", "enabled", "is_enabled"),
    *("is_active", "is_override", "override", "power", "power_w", "charge_power", "limit"),
    *("discharge_power", "percent_limit", "target", "target_soc", "soc", "battery_percent"),
    *("energy", "import", "export", "solar", "consumption"),
)
_PRICES = (
    "price",
    "import_price",
    "export_price",
    "rate",
    "unit_rate",
    "cost",
    "saving",
    "currency",
)
_SLOT = (*_TIMES, *_ACTIONS, *_PRICES)
_IN_LISTS = ("slots[]", "actions[]", "schedule[]", "slot_overrides[]")
_LEAVES = (*_SLOT, *(f"{above}.{leaf}" for above in _IN_LISTS for leaf in _SLOT))

TARIFF_AUTOMATION = Endpoint(
    name="tariff_automation",
    method="GET",
    path="/smart-tariff/automation/{date}",
    scope=_SCOPE,
    since="1.53",
    enveloped=False,
    keep_values=True,
    keep=unlisted(*_LEAVES),
)

TARIFF_AUTOMATION_SETTINGS = Endpoint(
    name="tariff_automation_settings",
    method="GET",
    path="/smart-tariff/automation-settings",
    scope=_SCOPE,
    since="1.53",
    enveloped=False,
    keep_values=True,
    keep=unlisted(*_LEAVES),
)

TARIFF_SCHEDULER_SLOTS = Endpoint(
    name="tariff_scheduler_slots",
    method="GET",
    path="/smart-tariff/scheduler/slots",
    scope=_SCOPE,
    since="1.53",
    enveloped=False,
    keep_values=True,
    keep=unlisted(*_LEAVES) | {"params.start_date", "params.end_date"},
)
