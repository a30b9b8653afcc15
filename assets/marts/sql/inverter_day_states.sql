-- What is known of the answers to each day of an inverter: of energy flows and of data points.
--
-- key: inverter_serial, local_date
-- reads: coverage
-- columns:
-- inverter_serial: Serial number of the inverter.
-- local_date: Local day.
-- flows_state: State of the day's energy flows in `coverage`; null if they are not expected.
-- points_state: State of the day's data points in `coverage`; null if they are not expected.
select
    device_id as inverter_serial,
    request_date as local_date,
    any_value(state) filter (where dataset = 'energy_flows') as flows_state,
    any_value(state) filter (where dataset = 'inverter_data_points') as points_state
from coverage
where dataset in ('energy_flows', 'inverter_data_points')
group by all
