-- Grain: inverter, local day and energy. Growth of the daily and of the total counter against
-- integrated power over the same steps between points, of at most 15 minutes because the
-- curve over a longer step is unknown. A step over which the counter falls is its reset. The
-- total counters of the battery are not compared because of a known error.
with
    readings as (
        select
            inverter_serial,
            local_date,
            time,
            {
                solar_w:solar_power_w,
                grid_import_w: case
                    when grid_power_w is null then null else greatest(- grid_power_w, 0)
                end,
                grid_export_w: case
                    when grid_power_w is null then null else greatest(grid_power_w, 0)
                end,
                battery_charge_w: case
                    when battery_power_w is null then null else greatest(- battery_power_w, 0)
                end,
                battery_discharge_w: case
                    when battery_power_w is null then null else greatest(battery_power_w, 0)
                end,
                consumption_w:consumption_power_w,
                solar_kwh:today_solar_kwh,
                grid_import_kwh:today_grid_import_kwh,
                grid_export_kwh:today_grid_export_kwh,
                battery_charge_kwh:today_battery_charge_kwh,
                battery_discharge_kwh:today_battery_discharge_kwh,
                consumption_kwh:today_consumption_kwh,
                total_solar_kwh:total_solar_kwh,
                total_grid_import_kwh:total_grid_import_kwh,
                total_grid_export_kwh:total_grid_export_kwh,
                total_consumption_kwh:total_consumption_kwh
            } as reading
        from inverter_data_points
    ),
    steps as (
        select
            inverter_serial,
            local_date,
            (epoch(time) - lag(epoch(time)) over points) / 3600 as hours,
            reading as after,
            lag(reading) over points as before
        from readings
        window points as (partition by inverter_serial, local_date order by time)
    ),
    energies as (
        select
            inverter_serial,
            local_date,
            hours,
            unnest(
                [
                    {
                        item:'solar',
                        power_w: (before.solar_w + after.solar_w) / 2,
                        step_kwh:after.solar_kwh - before.solar_kwh
                    },
                    {
                        item:'grid_import',
                        power_w: (before.grid_import_w + after.grid_import_w) / 2,
                        step_kwh:after.grid_import_kwh - before.grid_import_kwh
                    },
                    {
                        item:'grid_export',
                        power_w: (before.grid_export_w + after.grid_export_w) / 2,
                        step_kwh:after.grid_export_kwh - before.grid_export_kwh
                    },
                    {
                        item:'battery_charge',
                        power_w: (before.battery_charge_w + after.battery_charge_w) / 2,
                        step_kwh:after.battery_charge_kwh - before.battery_charge_kwh
                    },
                    {
                        item:'battery_discharge',
                        power_w: (before.battery_discharge_w + after.battery_discharge_w) / 2,
                        step_kwh:after.battery_discharge_kwh - before.battery_discharge_kwh
                    },
                    {
                        item:'consumption',
                        power_w: (before.consumption_w + after.consumption_w) / 2,
                        step_kwh:after.consumption_kwh - before.consumption_kwh
                    },
                    {
                        item:'total_solar',
                        power_w: (before.solar_w + after.solar_w) / 2,
                        step_kwh:after.total_solar_kwh - before.total_solar_kwh
                    },
                    {
                        item:'total_grid_import',
                        power_w: (before.grid_import_w + after.grid_import_w) / 2,
                        step_kwh:after.total_grid_import_kwh - before.total_grid_import_kwh
                    },
                    {
                        item:'total_grid_export',
                        power_w: (before.grid_export_w + after.grid_export_w) / 2,
                        step_kwh:after.total_grid_export_kwh - before.total_grid_export_kwh
                    },
                    {
                        item:'total_consumption',
                        power_w: (before.consumption_w + after.consumption_w) / 2,
                        step_kwh:after.total_consumption_kwh - before.total_consumption_kwh
                    }
                ],
                recursive := true
            )
        from steps
        where hours <= 0.25
    )
select
    inverter_serial as device_id,
    local_date as day,
    item,
    count(*) as compared,
    sum(step_kwh) as counted_kwh,
    sum(power_w * hours) / 1000 as integrated_kwh,
    integrated_kwh - counted_kwh as deviation_kwh,
    greatest(1, 0.1 * counted_kwh) as highest_kwh,
    abs(deviation_kwh) <= highest_kwh as is_within
from energies
where power_w is not null and step_kwh > -0.11
group by inverter_serial, local_date, item
