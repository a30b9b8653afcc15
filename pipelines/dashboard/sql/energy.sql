-- Energies of the shown period by day, month or year.
--
-- Sums are over the days with energies, `days` of `days_expected` of which are whole.
--
-- key: bucket_start
-- reads: {{ daily }}, daily_energy, site_members
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- start: First day.
-- end: Last day.
-- first_date: First day of the device with data.
-- bucket: day, month or year.
-- columns:
-- bucket_start: First day of the day, month or year.
-- solar_kwh: Solar energy.
-- import_kwh: Energy taken from the grid; null unless it is known of all days with energies, as
-- where a site's meter is not known.
-- export_kwh: Energy given to the grid; null likewise.
-- charge_kwh: Energy put into batteries.
-- discharge_kwh: Energy taken from batteries.
-- home_kwh: Energy used in the home, with what the inverters themselves use; null unless it is
-- known of all days with energies.
-- home_counter_kwh: Energy used in the home by the inverter's counter, of the days that have it.
-- home_counter_days: Days that have it.
-- home_days: Days of which the home's energy is known.
-- grid_days: Whole days of which import and export are known.
-- days: Whole days.
-- days_expected: Days up to today since the first one with data.
-- is_complete: Whether all of them are whole; not before the first data.
-- deviation_kwh: Largest difference of a day between flows and counters; null for several meters.
-- source: Where the energies come from; two if days differ.
with
    buckets as (
        select
            unnest(
                generate_series(
                    date_trunc($bucket, $start::date::timestamp),
                    $end::date::timestamp,
                    ('1 ' || $bucket)::interval
                )
            )::date as bucket_start
    ),
    deviations as (
        select
            date_trunc($bucket, members.local_date)::date as bucket_start,
            max(energy.deviation_kwh) as deviation_kwh
        from site_members as members
        inner join daily_energy as energy using (inverter_serial, local_date)
        where
            members.{{ device }} = $device
            and members.local_date between $start::date and $end::date
            and ($kind = 'inverter' or (members.role <> 'ignored' and members.members = 1))
        group by bucket_start
    ),
    sums as (
        select
            date_trunc($bucket, local_date)::date as bucket_start,
            sum(solar_kwh) as solar_kwh,
            case when count(import_kwh) = count(source) then sum(import_kwh) end as import_kwh,
            case when count(export_kwh) = count(source) then sum(export_kwh) end as export_kwh,
            sum(charge_kwh) as charge_kwh,
            sum(discharge_kwh) as discharge_kwh,
            case when count(home_kwh) = count(source) then sum(home_kwh) end as home_kwh,
            sum(home_counter_kwh) as home_counter_kwh,
            count(home_counter_kwh) as home_counter_days,
            count(home_kwh) as home_days,
            count(*) filter (
                where is_complete and import_kwh is not null and export_kwh is not null
            ) as grid_days,
            count(*) filter (where is_complete) as days,
            string_agg(distinct source, ', ' order by source) as source
        from {{ daily }}
        where {{ device }} = $device and local_date between $start::date and $end::date
        group by bucket_start
    )
select
    buckets.bucket_start,
    round(sums.solar_kwh, 2) as solar_kwh,
    round(sums.import_kwh, 2) as import_kwh,
    round(sums.export_kwh, 2) as export_kwh,
    round(sums.charge_kwh, 2) as charge_kwh,
    round(sums.discharge_kwh, 2) as discharge_kwh,
    round(sums.home_kwh, 2) as home_kwh,
    round(sums.home_counter_kwh, 2) as home_counter_kwh,
    coalesce(sums.home_counter_days, 0) as home_counter_days,
    coalesce(sums.home_days, 0) as home_days,
    coalesce(sums.grid_days, 0) as grid_days,
    coalesce(sums.days, 0) as days,
    greatest(
        0,
        least((buckets.bucket_start + ('1 ' || $bucket)::interval)::date, $end::date + 1)
        - greatest(buckets.bucket_start, $start::date, $first_date::date)
    ) as days_expected,
    coalesce(sums.days > 0 and sums.days >= days_expected, false) as is_complete,
    deviations.deviation_kwh,
    sums.source
from buckets
left join sums using (bucket_start)
left join deviations using (bucket_start)
order by buckets.bucket_start
