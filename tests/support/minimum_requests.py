"""The number of requests that a backfill of a simulated account cannot do without."""

from assets.registry import datasets
from givenergy.codes import codes_with_flag
from simulator import Simulator

# The longest range of energy flows, or of a meter's readings, in one request.
_RANGE_DAYS = 31
# The number of empty days before a charger's first one, which show that there are none earlier.
_EMPTY_DAYS = 31
_SMART_DEVICE_PAGE = 2_000


def minimum_requests(simulator: Simulator, days: int) -> dict[str, int]:
    """Return the number of requests by dataset that endpoints, paging and filters require.

    Args:
        simulator: The account; its page sizes are at least those that the client requests.
        days: Number of days that were over before today, since the commissioning of all devices.
    """
    config = simulator.config
    inverters, chargers = len(simulator.serials), len(simulator.charger_uuids)
    ranges = -(-(days + 1) // _RANGE_DAYS)
    configured = sum(
        command not in codes_with_flag("charger_command", "without_data")
        for uuid in simulator.charger_uuids
        for command in simulator.truth_of("ev-commands", uuid)
    )
    pages = (
        -(-len(simulator.truth_of("smart-device-data", uuid)) // _SMART_DEVICE_PAGE)
        for uuid in simulator.smart_device_uuids
    )
    presets = sum(
        preset["identifier"] != "reset-to-defaults"
        for serial in simulator.serials
        for preset in simulator.truth_of("presets", serial)
        if "identifier" in preset
    )
    minimum = {
        "accounts": 1,
        "account_children": 1,
        "communication_devices": 1,
        "ems_readings": config.ems,
        "energy_flow_aggregates": 4 * inverters,
        "energy_flows": inverters * ranges,
        "ev_charger_commands": chargers,
        "ev_charger_configuration": configured,
        "ev_chargers": 1,
        "ev_charging_sessions": chargers,
        "ev_meter_readings": chargers * (days + 1),
        "inverter_data_points": inverters * (days + 1),
        "inverter_events": inverters,
        "inverter_grid_meter_readings": inverters * -(-(days + 2) // _RANGE_DAYS),
        "inverter_health": inverters,
        "inverter_meter_readings": inverters,
        "inverter_preset_values": presets,
        "inverter_presets": inverters,
        "inverter_setting_definitions": inverters,
        "inverter_system_readings": inverters,
        "lock_settings": 1,
        "locks": inverters,
        "preset_profiles": inverters,
        "site_energy_readings": 1,
        "site_readings": 1,
        "site_statuses": 1,
        "sites": 1,
        "smart_device_readings": sum(pages),
        "smart_devices": 1,
        "tariff_automation_settings": 1,
    }
    lacking = {d.name for d in datasets() if not config.has_version(d.endpoint.since)}
    # One request shows that the version lacks an endpoint; the presets have no values to request.
    lacking.discard("inverter_preset_values")
    return minimum | dict.fromkeys(lacking & minimum.keys(), 1)


def known_surplus(simulator: Simulator) -> dict[str, int]:
    """Return the number of requests above the minimum by dataset that a first backfill makes.

    The API does not say since when an inverter or charger has data: a request for all months of
    each inverter, and a month of empty days of each charger. Events are first requested with both
    values of `cleared`, as its meaning is not certain.
    """
    inverters, chargers = len(simulator.serials), len(simulator.charger_uuids)
    return {
        "energy_flow_aggregates": inverters,
        "ev_meter_readings": _EMPTY_DAYS * chargers,
        "inverter_events": inverters,
    }
