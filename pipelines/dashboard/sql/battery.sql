-- The batteries of the shown period by inverter and day, month or year.
--
-- Inverters without a battery have no rows. A Gateway has energies but no state of charge: its is
-- that of the inverters behind it. Of very many inverters there are the first 20.
--
-- key: bucket_start, inverter_serial
-- reads: battery_daily, site_members
-- parameters:
-- device: Site or inverter.
-- start: First day.
-- end: Last day.
-- bucket: day, month or year.
-- columns:
-- bucket_start: First day of the day, month or year.
-- inverter_serial: Serial number of the inverter.
-- charge_kwh: Energy put into the battery.
-- discharge_kwh: Energy taken from the battery.
-- cycles: Discharged energy over the usable nominal capacity; null where that is unknown.
-- min_percent: Lowest state of charge.
-- max_percent: Highest state of charge.
-- first_percent: State of charge of the first point.
-- last_percent: State of charge of the last point.
-- hours_full: Hours at 98 % or more.
-- hours_empty: Hours at the lowest state of charge that the depth of discharge allows.
-- hours_known: Hours with a state of charge.
-- min_temperature_celsius: Lowest battery temperature.
-- max_temperature_celsius: Highest battery temperature.
-- days: Days whose energies are whole.
-- days_expected: Days up to today since the inverter's first one with data.
-- inverters: Number of inverters with rows; those of the first 20 are there.
with
    days as (
        select battery_daily.*
        from battery_daily
        inner join site_members as members using (inverter_serial, local_date)
        where members.{{ device }} = $device
    ),
    firsts as (
        select inverter_serial, min(local_date) as first_date from days group by inverter_serial
    ),
    buckets as (
        select
            date_trunc($bucket, local_date)::date as bucket_start,
            inverter_serial,
            round(sum(days.charge_kwh), 2) as charge_kwh,
            round(sum(days.discharge_kwh), 2) as discharge_kwh,
            sum(days.cycles) as cycles,
            min(days.min_percent) as min_percent,
            max(days.max_percent) as max_percent,
            arg_min(days.first_percent, local_date) as first_percent,
            arg_max(days.last_percent, local_date) as last_percent,
            sum(days.hours_full) as hours_full,
            sum(days.hours_empty) as hours_empty,
            sum(days.hours_known) as hours_known,
            min(days.min_temperature_celsius) as min_temperature_celsius,
            max(days.max_temperature_celsius) as max_temperature_celsius,
            count(*) filter (where days.is_complete) as days,
            greatest(
                0,
                least((bucket_start + ('1 ' || $bucket)::interval)::date, $end::date + 1)
                - greatest(bucket_start, $start::date, min(firsts.first_date))
            ) as days_expected
        from days
        inner join firsts using (inverter_serial)
        where local_date between $start::date and $end::date
        group by bucket_start, inverter_serial
        having sum(days.hours_known) > 0 or sum(days.charge_kwh + days.discharge_kwh) > 0
    ),
    placed as (select *, dense_rank() over (order by inverter_serial) as place from buckets)
select * exclude (place), max(place) over () as inverters
from placed
qualify place <= 20
order by bucket_start, inverter_serial
