"""Data points as the API sends them, from the library's models of registers.

`docs/local-reader.md` has the mapping as a table. What an inverter's registers do not have, or the
library cannot decode, is null.
"""

from typing import Any

from givenergy_modbus.model.inverter import WorkMode

# Names of the library -> statuses of the API. An unknown mode of a Gateway decodes as INITIALISING.
_STATUS = {
    "WAITING": "WAITING",
    "NORMAL": "NORMAL",
    "WARNING": "WARNING",
    "FAULT": "ERROR",
    "FLASHING_FIRMWARE_UPDATE": "UPDATING",
    "UPDATE": "UPDATING",
    "OFF_GRID": "OFF_GRID",
    "ON_GRID": "ON_GRID",
}


def single_phase_point(inverter: Any) -> dict[str, Any]:
    """Return the data point of a single-phase inverter, without its time."""
    return {
        "status": _status(inverter.status),
        "power": {
            "solar": {"power": inverter.p_pv(), "arrays": _arrays(inverter)},
            "grid": {
                "voltage": inverter.v_ac1,
                "current": inverter.i_ac1,
                "power": inverter.p_grid_out,
                "frequency": inverter.f_ac1,
            },
            "battery": {
                "percent": inverter.battery_soc,
                "power": inverter.p_battery,
                "temperature": inverter.t_battery,
                "voltage": inverter.v_battery,
            },
            "consumption": {"power": inverter.p_load_demand},
            "inverter": {
                "temperature": inverter.t_inverter_heatsink,
                "power": inverter.p_grid_out_ph1,
                "output_voltage": inverter.v_ac1_output,
                "output_frequency": inverter.f_ac1_output,
                "eps_power": inverter.p_backup,
            },
        },
        "today": _energy(
            solar=_sum(inverter.e_pv1_day, inverter.e_pv2_day),
            grid_import=inverter.e_grid_in_day,
            grid_export=inverter.e_grid_out_day,
            charge=inverter.e_battery_charge_today,
            discharge=inverter.e_battery_discharge_today,
            consumption=_sum(inverter.e_consumption_today),
            ac_charge=inverter.e_ac_charge_today,
        ),
        "total": _energy(
            solar=inverter.e_pv_total,
            grid_import=inverter.e_grid_in_total,
            grid_export=inverter.e_grid_out_total,
            charge=inverter.e_battery_charge_total,
            discharge=inverter.e_battery_discharge_total,
            # As that of today, for which the library has the formula.
            consumption=_sum(
                inverter.e_pv_generation_total,
                inverter.e_grid_in_total,
                minus=(inverter.e_grid_out_total, inverter.e_inverter_in_total),
            ),
            ac_charge=inverter.e_inverter_in_total,
        ),
    }


def three_phase_point(inverter: Any) -> dict[str, Any]:
    """Return the data point of a three-phase inverter, without its time.

    Voltages and currents are of the first phase, as the API has one of each.
    """
    return {
        "status": _status(inverter.status),
        "power": {
            "solar": {"power": _sum(inverter.p_pv1, inverter.p_pv2), "arrays": _arrays(inverter)},
            "grid": {
                "voltage": inverter.v_ac1,
                "current": inverter.i_ac1,
                "power": _sum(inverter.p_meter_export, minus=(inverter.p_meter_import,)),
                "frequency": inverter.f_ac1,
            },
            "battery": {
                "percent": inverter.battery_soc,
                "power": _sum(inverter.p_battery),
                "voltage": inverter.v_battery_bms,
            },
            "consumption": {"power": inverter.p_load_all},
            "inverter": {
                "temperature": inverter.t_inverter,
                "power": inverter.p_inverter_out,
                "output_voltage": inverter.v_out_ac1,
                "eps_power": _sum(inverter.p_eps_ac1, inverter.p_eps_ac2, inverter.p_eps_ac3),
            },
        },
        "today": _energy(
            solar=inverter.e_pv_today,
            grid_import=inverter.e_import_today,
            grid_export=inverter.e_export_today,
            charge=inverter.e_battery_charge_today,
            discharge=inverter.e_battery_discharge_today,
            consumption=inverter.e_load_today,
            ac_charge=inverter.e_ac_charge_today,
        ),
        "total": _energy(
            solar=inverter.e_pv_total,
            grid_import=inverter.e_import_total,
            grid_export=inverter.e_export_total,
            charge=inverter.e_battery_charge_total,
            discharge=inverter.e_battery_discharge_total,
            consumption=inverter.e_load_total,
            ac_charge=inverter.e_ac_charge_total,
        ),
    }


def gateway_point(gateway: Any) -> dict[str, Any]:
    """Return the data point of a Gateway, without its time.

    The powers of the grid and of the inverter are null: the library does not say which way
    IR(1616) counts, nor whether a Gateway has one that is the inverter's.
    """
    return {
        # The library's model of a Gateway has the number.
        "status": None if gateway.work_mode is None else _status(WorkMode(gateway.work_mode)),
        "power": {
            "solar": {"power": gateway.p_pv},
            "grid": {"voltage": gateway.v_grid, "current": gateway.i_grid},
            "battery": {"power": gateway.p_aio_total},
            "consumption": {"power": gateway.p_load},
        },
        "today": _energy(
            solar=gateway.e_pv_today,
            grid_import=gateway.e_grid_import_today,
            grid_export=gateway.e_grid_export_today,
            charge=gateway.e_battery_charge_today,
            discharge=gateway.e_battery_discharge_today,
            consumption=gateway.e_load_today,
        ),
        "total": _energy(
            solar=gateway.e_pv_total,
            grid_import=gateway.e_grid_import_total,
            grid_export=gateway.e_grid_export_total,
            charge=gateway.e_battery_charge_total,
            discharge=gateway.e_battery_discharge_total,
            consumption=gateway.e_load_total,
        ),
    }


def _arrays(inverter: Any) -> list[dict[str, Any]]:
    return [
        {
            "array": number,
            "voltage": getattr(inverter, f"v_pv{number}"),
            "current": getattr(inverter, f"i_pv{number}"),
            "power": getattr(inverter, f"p_pv{number}"),
        }
        for number in (1, 2)
    ]


def _energy(
    *,
    solar: float | None,
    grid_import: float | None,
    grid_export: float | None,
    charge: float | None,
    discharge: float | None,
    consumption: float | None,
    ac_charge: float | None = None,
) -> dict[str, Any]:
    return {
        "solar": solar,
        "grid": {"import": grid_import, "export": grid_export},
        "battery": {"charge": charge, "discharge": discharge},
        "consumption": consumption,
        "ac_charge": ac_charge,
    }


NO_ENERGIES = _energy(
    solar=None, grid_import=None, grid_export=None, charge=None, discharge=None, consumption=None
)


def _sum(*values: float | None, minus: tuple[float | None, ...] = ()) -> float | None:
    """Return a sum without the noise of binary tenths; None if a part is unknown."""
    known = [value for value in values if value is not None]
    known += [-value for value in minus if value is not None]
    return round(sum(known), 1) if len(known) == len(values) + len(minus) else None


def _status(status: Any) -> str | None:
    """Return the API's name of a status."""
    return _STATUS.get(getattr(status, "name", ""))
