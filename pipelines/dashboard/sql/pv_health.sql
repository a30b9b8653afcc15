-- By how much the yield of each PV array changes a year, with its standard error, over all years.
--
-- Of very many inverters there are the first 20.
--
-- key: inverter_serial
-- reads: pv_health, device_roles
-- parameters:
-- device: Site or inverter.
-- columns:
-- inverter_serial: Serial number of the inverter.
-- change_percent_per_year: Change of the yield, % a year; negative if it falls.
-- standard_error_percent: Standard error of the change, points of % a year.
-- years: Years that are compared.
-- first_date: First day.
-- last_date: Last day.
-- verdict: falling, rising, or not distinguishable from none.
-- is_complete: Whether three years or more are compared.
-- inverters: Number of inverters with rows; those of the first 20 are there.
select
    inverter_serial,
    health.change_percent_per_year,
    health.standard_error_percent,
    health.years,
    health.first_date,
    health.last_date,
    health.verdict,
    health.is_complete,
    count(*) over () as inverters
from pv_health as health
inner join device_roles as roles using (inverter_serial)
where roles.{{ device }} = $device
order by inverter_serial
limit 20
