-- The energies of sites by hour; null unless both half hours are known of all members, and over.
--
-- is_derived: one of the half hours is derived from data points of a member.
with
    half_hours as (
        select *
        from site_half_hourly as balance
        where
            list_contains($devices::varchar[], balance.site)
            and balance.local_date between $first and $last
            and balance.start_at + interval 30 minute <= $until
            and minute(balance.start_at) % 30 = 0
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
    bool_or(source = 'inverter_data_points') as is_derived,
    case when count(solar_kwh) = 2 then sum(solar_kwh) end as solar,
    case when count(import_kwh) = 2 then sum(import_kwh) end as grid_import,
    case when count(export_kwh) = 2 then sum(export_kwh) end as grid_export,
    case when count(charge_kwh) = 2 then sum(charge_kwh) end as battery_charge,
    case when count(discharge_kwh) = 2 then sum(discharge_kwh) end as battery_discharge
from half_hours
anti join unfinished using (site, start_at)
group by device, hour_at
order by device, hour_at
