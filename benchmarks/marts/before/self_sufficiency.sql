with
    half_days as (
        select
            local_date,
            count(*) as half_hours,
            sum(pv_to_home_kwh) as pv,
            sum(grid_to_home_kwh) as grid,
            sum(battery_to_home_kwh) as battery,
            sum(pv_to_battery_kwh) as pv_charge,
            sum(pv_to_battery_kwh + grid_to_battery_kwh) as charge
        from energy_flows
        where inverter_serial = 'XA0000G001'
        group by local_date
    ),
    whole_days as (
        select
            *,
            coalesce(
                sum(pv_charge) over last_week / nullif(sum(charge) over last_week, 0), 0
            ) as share
        from half_days
        where
            half_hours = epoch(
                timezone('Europe/London', local_date::timestamp + interval 1 day)
                - timezone('Europe/London', local_date::timestamp)
            )
            / 1800
        window
            last_week as (
                order by local_date range between interval 6 day preceding and current row
            )
    )
select
    date_trunc('month', local_date)::date as month,
    round(100 * (1 - sum(grid) / sum(pv + grid + battery)), 1) as self_sufficient_percent,
    round(100 * sum(pv + battery * share) / sum(pv + grid + battery), 1) as own_solar_percent,
    count(*) as days
from whole_days
where local_date between '2024-10-01' and '2025-04-30'
group by month
order by month
