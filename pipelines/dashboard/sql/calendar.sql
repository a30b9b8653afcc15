-- What is stored of each dataset and day: the worst state of the devices, and how many are
-- complete.
--
-- For one day the days of its month, for all years their months.
--
-- key: dataset, local_date
-- reads: coverage, device_roles, ev_chargers
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- period: Period that is shown.
-- calendar_start: First day.
-- calendar_end: Last day.
-- columns:
-- dataset: Dataset.
-- local_date: Local day that was requested; of all years, the first day of the month.
-- state: The worst state of the devices, as in `coverage`.
-- devices: Devices of which the day is expected or was requested; of a month, device-days.
-- devices_complete: Those that are complete, or known to be empty.
-- share_complete: Their share, 0 to 1.
with
    devices as (
        select inverter_serial as device_id
        from device_roles
        where {{ device }} = $device
        union
        select charger_uuid as device_id
        from ev_chargers
        where $kind = 'site'
    ),
    days as (
        select
            dataset,
            case
                when $period = 'all' then date_trunc('month', request_date)::date else request_date
            end as local_date,
            state,
            list_position(
                [
                    'complete',
                    'provisional',
                    'empty',
                    'not_built',
                    'unproven',
                    'partial',
                    'failed',
                    'forbidden',
                    'gone',
                    'not_requested'
                ],
                state
            ) as place,
            state in ('complete', 'empty') as is_complete
        from coverage
        semi join devices using (device_id)
        where request_date between $calendar_start::date and $calendar_end::date
    )
select
    dataset,
    local_date,
    arg_max(state, place) as state,
    count(*) as devices,
    count(*) filter (where is_complete) as devices_complete,
    devices_complete / devices as share_complete
from days
group by dataset, local_date
order by dataset, local_date
