-- The latest known values of each inverter: powers, state of charge and the energies of its day.
--
-- The newest of data points and polled readings; `age_min` says how old it is.
--
-- key: inverter_serial
-- reads: device_roles, inverter_data_points, inverter_system_readings, inverter_meter_readings
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- site varchar: Site, as in `device_roles`.
-- role varchar: Role in the site, as in `device_roles`.
-- model varchar: Model.
-- time timestamptz: Time of the powers, UTC; null without any reading.
-- age_min double: Minutes since then.
-- status varchar: Status as sent.
-- solar_power_w double: PV generation.
-- grid_power_w double: Power of the grid: positive exports, negative imports.
-- battery_power_w double: Power of the battery: positive discharges, negative charges.
-- home_power_w double: Power of the home.
-- battery_percent double: State of charge.
-- energy_time timestamptz: Time of the energies, UTC.
-- today_solar_kwh double: Solar energy since local midnight of that time.
-- today_import_kwh double: Energy taken from the grid.
-- today_export_kwh double: Energy given to the grid.
-- today_charge_kwh double: Energy put into the battery.
-- today_discharge_kwh double: Energy taken from the battery.
-- today_home_kwh double: Energy used in the home by the inverter's counter.
-- source varchar: Table of the powers.
-- is_complete boolean: Whether powers are no older than 30 minutes.
-- is_final boolean: false: the next reading replaces it.
with
    newest_days as (
        select inverter_serial, max(local_date) as local_date
        from inverter_data_points
        group by inverter_serial
    ),
    newest_points as (
        select points.*
        from inverter_data_points as points
        /* Not a semi join, which would read all days. */
        inner join newest_days using (inverter_serial, local_date)
    ),
    powers as (
        select
            inverter_serial,
            time,
            status,
            solar_power_w,
            grid_power_w,
            battery_power_w,
            consumption_power_w,
            battery_percent,
            'inverter_data_points' as source
        from newest_points
        union all
        select
            inverter_serial,
            time,
            status,
            solar_power_w,
            grid_power_w,
            battery_power_w,
            consumption_power_w,
            battery_percent,
            'inverter_system_readings' as source
        from inverter_system_readings
    ),
    newest_powers as (
        from powers
        qualify row_number() over (partition by inverter_serial order by time desc, source) = 1
    ),
    energies as (
        select
            inverter_serial,
            time,
            today_solar_kwh,
            today_grid_import_kwh,
            today_grid_export_kwh,
            today_battery_charge_kwh,
            today_battery_discharge_kwh,
            today_consumption_kwh
        from newest_points
        union all
        select
            inverter_serial,
            time,
            today_solar_kwh,
            today_grid_import_kwh,
            today_grid_export_kwh,
            today_battery_charge_kwh,
            today_battery_discharge_kwh,
            today_consumption_kwh
        from inverter_meter_readings
    ),
    newest_energies as (
        from energies
        qualify row_number() over (partition by inverter_serial order by time desc) = 1
    )
select
    inverter_serial,
    roles.site,
    roles.role,
    roles.model,
    powers.time,
    (epoch(now()) - epoch(powers.time)) / 60 as age_min,
    powers.status,
    powers.solar_power_w,
    powers.grid_power_w,
    powers.battery_power_w,
    powers.consumption_power_w as home_power_w,
    powers.battery_percent,
    energies.time as energy_time,
    energies.today_solar_kwh,
    energies.today_grid_import_kwh as today_import_kwh,
    energies.today_grid_export_kwh as today_export_kwh,
    energies.today_battery_charge_kwh as today_charge_kwh,
    energies.today_battery_discharge_kwh as today_discharge_kwh,
    energies.today_consumption_kwh as today_home_kwh,
    powers.source,
    coalesce(age_min <= 30, false) as is_complete,
    false as is_final
from device_roles as roles
left join newest_powers as powers using (inverter_serial)
left join newest_energies as energies using (inverter_serial)
