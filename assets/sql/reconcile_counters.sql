-- Grain: inverter, local day and counter. Largest fall of the counter between two points. Counters
-- do not fall, except by 0.1 in the derived consumption, and at the reset at local midnight, which
-- points of the first hour may not have yet. Points of one source are compared: those of another
-- have other clocks and can have other counters.
with
    readings as (
        select
            inverter_serial,
            /* Responses of each kind of source have numbers of their own. */
            response_id >> 60 as source,
            local_date,
            time,
            local_time,
            {
                today_solar_kwh:today_solar_kwh,
                today_grid_import_kwh:today_grid_import_kwh,
                today_grid_export_kwh:today_grid_export_kwh,
                today_battery_charge_kwh:today_battery_charge_kwh,
                today_battery_discharge_kwh:today_battery_discharge_kwh,
                today_consumption_kwh:today_consumption_kwh,
                today_ac_charge_kwh:today_ac_charge_kwh,
                total_solar_kwh:total_solar_kwh,
                total_grid_import_kwh:total_grid_import_kwh,
                total_grid_export_kwh:total_grid_export_kwh,
                total_battery_charge_kwh:total_battery_charge_kwh,
                total_battery_discharge_kwh:total_battery_discharge_kwh,
                total_consumption_kwh:total_consumption_kwh,
                total_ac_charge_kwh:total_ac_charge_kwh
            } as counters
        from inverter_data_points
    ),
    steps as (
        select
            inverter_serial,
            local_date,
            time,
            local_date = lag(local_date) over points
            and lag(local_time) over points >= local_date + interval 1 hour as is_after_reset,
            counters as after,
            lag(counters) over points as before
        from readings
        window points as (partition by inverter_serial, source order by time)
    ),
    falls as (
        select
            inverter_serial,
            local_date,
            time,
            is_after_reset,
            unnest(
                [
                    {item:'today_solar', fall_kwh:before.today_solar_kwh - after.today_solar_kwh},
                    {
                        item:'today_grid_import',
                        fall_kwh:before.today_grid_import_kwh - after.today_grid_import_kwh
                    },
                    {
                        item:'today_grid_export',
                        fall_kwh:before.today_grid_export_kwh - after.today_grid_export_kwh
                    },
                    {
                        item:'today_battery_charge',
                        fall_kwh:before.today_battery_charge_kwh - after.today_battery_charge_kwh
                    },
                    {
                        item:'today_battery_discharge',
                        fall_kwh:before.today_battery_discharge_kwh
                        - after.today_battery_discharge_kwh
                    },
                    {
                        item:'today_consumption',
                        fall_kwh:before.today_consumption_kwh - after.today_consumption_kwh
                    },
                    {
                        item:'today_ac_charge',
                        fall_kwh:before.today_ac_charge_kwh - after.today_ac_charge_kwh
                    },
                    {item:'total_solar', fall_kwh:before.total_solar_kwh - after.total_solar_kwh},
                    {
                        item:'total_grid_import',
                        fall_kwh:before.total_grid_import_kwh - after.total_grid_import_kwh
                    },
                    {
                        item:'total_grid_export',
                        fall_kwh:before.total_grid_export_kwh - after.total_grid_export_kwh
                    },
                    {
                        item:'total_battery_charge',
                        fall_kwh:before.total_battery_charge_kwh - after.total_battery_charge_kwh
                    },
                    {
                        item:'total_battery_discharge',
                        fall_kwh:before.total_battery_discharge_kwh
                        - after.total_battery_discharge_kwh
                    },
                    {
                        item:'total_consumption',
                        fall_kwh:before.total_consumption_kwh - after.total_consumption_kwh
                    },
                    {
                        item:'total_ac_charge',
                        fall_kwh:before.total_ac_charge_kwh - after.total_ac_charge_kwh
                    }
                ],
                recursive := true
            )
        from steps
        where before is not null
    )
select
    inverter_serial as device_id,
    local_date as day,
    item,
    count(*) as compared,
    greatest(max(fall_kwh), 0) as deviation_kwh,
    arg_max(time, fall_kwh) as deviation_at,
    case when contains(item, 'consumption') then 0.1 else 0 end::double as highest_kwh,
    deviation_kwh < highest_kwh + 0.01 as is_within
from falls
where fall_kwh is not null and (is_after_reset or starts_with(item, 'total'))
group by inverter_serial, local_date, item
