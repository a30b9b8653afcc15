-- The energies of sites on days that are known as a whole from counters, with the number of full
-- hours of the day and the last of them.
with
    lengths as (
        select
            members.site,
            members.local_date,
            min(days.starts_at) as starts_at,
            min(days.half_hours) as half_hours
        from site_members as members
        inner join inverter_days as days using (inverter_serial, local_date)
        group by members.site, members.local_date
    )
select
    energy.site as device,
    energy.local_date,
    date_trunc('hour', days.starts_at + days.half_hours * interval 30 minute)
    - interval 1 hour as last_hour_at,
    days.half_hours / 2 as hours_expected,
    energy.solar_kwh as solar,
    energy.import_kwh as grid_import,
    energy.export_kwh as grid_export,
    energy.charge_kwh as battery_charge,
    energy.discharge_kwh as battery_discharge
from site_daily as energy
inner join lengths as days using (site, local_date)
where
    energy.source = 'inverter_data_points'
    and energy.is_complete
    and list_contains($devices::varchar[], energy.site)
    and energy.local_date between $first and $last
    and days.starts_at + days.half_hours * interval 30 minute <= $until
order by device, energy.local_date
