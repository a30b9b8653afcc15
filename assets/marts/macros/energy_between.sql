-- The energies of each site from one local day to another, both included.
--
-- key: site
-- reads: site_daily
-- parameters:
-- from_date: First local day.
-- to_date: Last local day.
-- columns:
-- site varchar: Site, as in `site_daily`.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into batteries.
-- discharge_kwh double: Energy taken from batteries.
-- home_kwh double: Energy used in the home, of the days with flows.
-- source varchar: As in `site_daily`; both, with a plus between them, if they differ by day.
-- days bigint: Days whose energies are whole.
-- days_expected bigint: Days from the first to the last.
-- is_complete boolean: Whether all days are whole.
-- is_final boolean: Whether all days were fetched after their data could change.
select
    site,
    round(sum(solar_kwh), 2) as solar_kwh,
    round(sum(import_kwh), 2) as import_kwh,
    round(sum(export_kwh), 2) as export_kwh,
    round(sum(charge_kwh), 2) as charge_kwh,
    round(sum(discharge_kwh), 2) as discharge_kwh,
    round(sum(home_kwh), 2) as home_kwh,
    string_agg(distinct source, '+' order by source) as source,
    count(*) filter (where is_complete) as days,
    any_value(to_date::date - from_date::date + 1) as days_expected,
    days = days_expected as is_complete,
    count(*) filter (where is_final) = days_expected as is_final
from site_daily
where local_date between from_date::date and to_date::date
group by site
