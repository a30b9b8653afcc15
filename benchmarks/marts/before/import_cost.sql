with
    half_hours as (
        select
            flows.local_date,
            grid_to_home_kwh + grid_to_battery_kwh as import_kwh,
            pv_to_grid_kwh + battery_to_grid_kwh as export_kwh,
            import_pence,
            export_pence,
            in_force.tariff
        from energy_flows as flows
        inner join
            tariffs_in_force as in_force
            on flows.local_date >= in_force.from_date
            and flows.local_date < coalesce(in_force.to_date, '9999-12-31')
        inner join
            tariff_prices as prices
            on prices.tariff = in_force.tariff
            and prices.start_at = flows.start_at
        where flows.inverter_serial = 'XA0000G001'
    ),
    days as (
        select
            local_date,
            tariff,
            count(*) as half_hours,
            sum(import_kwh * import_pence) / 100 as import_gbp,
            sum(export_kwh * export_pence) / 100 as export_gbp
        from half_hours
        group by local_date, tariff
    )
select
    date_trunc('month', local_date)::date as month,
    string_agg(distinct tariff, ', ') as tariffs,
    round(sum(import_gbp), 2) as import_cost,
    round(sum(export_gbp), 2) as export_income,
    round(sum(standing_charge_pence) / 100, 2) as standing,
    round(sum(import_gbp - export_gbp + standing_charge_pence / 100), 2) as net_cost,
    count(*) filter (
        where
            half_hours = epoch(
                timezone('Europe/London', local_date::timestamp + interval 1 day)
                - timezone('Europe/London', local_date::timestamp)
            )
            / 1800
    ) as days
from days
inner join tariff_standing_charges using (tariff, local_date)
where local_date between '2024-11-01' and '2025-04-30'
group by month
order by month
