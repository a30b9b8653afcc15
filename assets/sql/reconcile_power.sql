-- Grain: inverter and local day. Consumption against inverter power less grid power.
with
    points as (
        select
            inverter_serial,
            local_date,
            time,
            consumption_power_w - (inverter_power_w - grid_power_w) as deviation_w
        from inverter_data_points
    )
select
    inverter_serial as device_id,
    local_date as day,
    'consumption' as item,
    count(deviation_w) as compared,
    count(*) filter (where abs(deviation_w) > 5) as outside,
    arg_max(deviation_w, abs(deviation_w)) as deviation_w,
    arg_max(time, abs(deviation_w)) as deviation_at,
    outside <= greatest(3, 0.02 * compared) as is_within
from points
group by inverter_serial, local_date
having compared > 0
