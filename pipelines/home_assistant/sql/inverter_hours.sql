-- The energies of inverters by hour; null unless both half hours are known and over.
--
-- A half hour that was fetched before its end may have grown since. Half hours that do not begin
-- at a full or half hour of UTC, as in a zone with an offset of 45 minutes, make no full hour.
-- is_derived: one of the half hours is derived from data points.
with
    half_hours as (
        select *
        from half_hourly_balance as balance
        where
            list_contains($devices::varchar[], balance.inverter_serial)
            and balance.local_date between $first and $last
            and balance.start_at + interval 30 minute <= $until
            and minute(balance.start_at) % 30 = 0
    ),
    unfinished as (select inverter_serial, start_at from energy_flows where fetched_at < end_at)
select
    half_hours.inverter_serial as device,
    date_trunc('hour', half_hours.start_at) as hour_at,
    min(half_hours.local_date) as local_date,
    bool_or(source = 'inverter_data_points') as is_derived,
    case when count(solar_kwh) = 2 then sum(solar_kwh) end as solar,
    case when count(import_kwh) = 2 then sum(import_kwh) end as grid_import,
    case when count(export_kwh) = 2 then sum(export_kwh) end as grid_export,
    case when count(charge_kwh) = 2 then sum(charge_kwh) end as battery_charge,
    case when count(discharge_kwh) = 2 then sum(discharge_kwh) end as battery_discharge
from half_hours
anti join unfinished using (inverter_serial, start_at)
group by device, hour_at
order by device, hour_at
