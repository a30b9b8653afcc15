-- The first and the last local day of which each inverter has data.
--
-- key: inverter_serial
-- reads: energy_flows, inverter_data_points
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- first_date date: First local day with energy flows or data points.
-- last_date date: Last local day with energy flows or data points.
with
    ranges as (
        select inverter_serial, min(local_date) as first_date, max(local_date) as last_date
        from energy_flows
        group by inverter_serial
        union all
        select inverter_serial, min(local_date) as first_date, max(local_date) as last_date
        from inverter_data_points
        group by inverter_serial
    )
select inverter_serial, min(first_date) as first_date, max(last_date) as last_date
from ranges
group by inverter_serial
