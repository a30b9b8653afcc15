-- Cost and income of sites by hour; null unless energies and prices of both half hours are known.
with
    half_hours as (
        select *
        from cost_half_hourly as cost
        where
            list_contains($devices::varchar[], cost.site)
            and cost.local_date between $first and $last
            and cost.start_at + interval 30 minute <= $until
            and minute(cost.start_at) % 30 = 0
            and cost.tariff is not null
    ),
    unfinished as (
        select members.site, flows.start_at
        from energy_flows as flows
        inner join site_members as members using (inverter_serial, local_date)
        where flows.fetched_at < flows.end_at and members.role <> 'ignored'
    )
select
    half_hours.site as device,
    date_trunc('hour', half_hours.start_at) as hour_at,
    min(half_hours.local_date) as local_date,
    case when count(import_cost_gbp) = 2 then sum(import_cost_gbp) end as import_cost,
    case when count(export_income_gbp) = 2 then sum(export_income_gbp) end as export_income
from half_hours
anti join unfinished using (site, start_at)
group by device, hour_at
order by device, hour_at
