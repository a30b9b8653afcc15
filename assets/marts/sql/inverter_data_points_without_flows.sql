-- The data points of days of which half-hourly flows are missing, and of the days around them.
--
-- What `half_hourly_balance` derives flows from: whole days of those, the half hours next to
-- midnight of the days around. Points without a power are left out.
--
-- key: inverter_serial, time
-- reads: inverter_data_points, energy_flows, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- time timestamptz: Time of the reading, UTC.
-- local_time timestamp: Time of the reading in local time.
-- local_date date: Local day.
-- solar_power_w double: PV generation; 0 of an inverter that has none.
-- grid_power_w double: Power of the grid: positive exports, negative imports.
-- battery_power_w double: Power of the battery: positive discharges, negative charges; 0 of an
-- inverter that has none.
-- today_solar_kwh double: Solar energy since local midnight.
-- today_grid_import_kwh double: Energy taken from the grid since local midnight.
-- today_grid_export_kwh double: Energy given to the grid since local midnight.
-- today_battery_charge_kwh double: Energy put into the battery since local midnight.
-- today_battery_discharge_kwh double: Energy taken from the battery since local midnight.
with
    point_days as (select inverter_serial, local_date from inverter_data_points group by all),
    flow_days as (
        select inverter_serial, local_date, count(*) as half_hours from energy_flows group by all
    ),
    days_without as (
        select points.inverter_serial, points.local_date
        from point_days as points
        left join flow_days as flows using (inverter_serial, local_date)
        left join inverter_days as days using (inverter_serial, local_date)
        where coalesce(flows.half_hours, 0) < coalesce(days.half_hours, 48)
    ),
    /* Of the day before and the day after, the points to which a step over midnight can lead. */
    around as (
        select
            inverter_serial,
            unnest(
                [
                    {local_date:local_date, first_minute:0, last_minute:1440},
                    {local_date:local_date - 1, first_minute:1410, last_minute:1440},
                    {local_date:local_date + 1, first_minute:0, last_minute:30}
                ],
                recursive := true
            )
        from days_without
    ),
    parts as (
        select
            inverter_serial,
            local_date,
            max(last_minute - first_minute) = 1440 as is_whole,
            bool_or(first_minute = 0) as has_morning,
            bool_or(last_minute = 1440) as has_evening
        from around
        group by all
    ),
    /* What an inverter lacks is null all day, and was not counted either. */
    lacking as (
        select
            inverter_serial,
            local_date,
            bool_and(solar_power_w is null and coalesce(today_solar_kwh, 0) = 0) as lacks_solar,
            bool_and(
                battery_power_w is null
                and coalesce(today_battery_charge_kwh, 0) = 0
                and coalesce(today_battery_discharge_kwh, 0) = 0
            ) as lacks_battery
        from inverter_data_points
        semi join parts using (inverter_serial, local_date)
        group by inverter_serial, local_date
    )
select
    inverter_serial,
    time,
    local_time,
    local_date,
    case when lacks_solar then 0 else solar_power_w end as solar_power_w,
    grid_power_w,
    case when lacks_battery then 0 else battery_power_w end as battery_power_w,
    today_solar_kwh,
    today_grid_import_kwh,
    today_grid_export_kwh,
    today_battery_charge_kwh,
    today_battery_discharge_kwh
from inverter_data_points
inner join parts using (inverter_serial, local_date)
inner join lacking using (inverter_serial, local_date)
where
    (
        is_whole
        or (has_morning and local_time <= local_date + interval 30 minute)
        or (has_evening and local_time >= local_date + interval 1410 minute)
    )
    and (lacks_solar or solar_power_w is not null)
    and (lacks_battery or battery_power_w is not null)
