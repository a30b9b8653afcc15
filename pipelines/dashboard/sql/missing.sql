-- The days of the shown period that are missing or not whole, and the command that fetches them.
--
-- Days that follow each other in the same state are one row, also of several devices; newest first,
-- 500 at most.
--
-- key: dataset, device_id, first_date
-- reads: coverage, device_roles, ev_chargers
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- start: First day.
-- end: Last day.
-- columns:
-- dataset: Dataset.
-- devices: Number of devices.
-- device_id: Serial numbers of the inverters, or UUIDs of the chargers: of three at most.
-- device: Names of these devices.
-- first_date: First day.
-- last_date: Last day.
-- days: Number of days, of each device.
-- state: State in `coverage`.
-- reason: Why, or what the API said.
-- command: Command that fetches the days, or builds them; null if access to them was refused. For
-- more than three devices it fetches what is missing of all.
with
    devices as (
        select inverter_serial as device_id, inverter_serial as device
        from device_roles
        where {{ device }} = $device
        union all
        select
            charger_uuid as device_id,
            coalesce(
                arg_max(alias, valid_from), arg_max(serial_number, valid_from), charger_uuid
            ) as device
        from ev_chargers
        where $kind = 'site'
        group by charger_uuid
    ),
    days as (
        select
            coverage.dataset,
            device_id,
            devices.device,
            coverage.request_date,
            coverage.state,
            case
                when coverage.state in ('failed', 'forbidden')
                then coalesce(coverage.last_error, coverage.reason)
                else coverage.reason
            end as reason
        from coverage
        inner join devices using (device_id)
        where
            coverage.request_date between $start::date and $end::date
            and (
                coverage.state not in ('complete', 'provisional', 'empty', 'gone')
                or coverage.reason = 'data are missing although counters grew'
            )
    ),
    runs as (
        select
            *,
            request_date - (
                row_number() over (
                    partition by dataset, device_id, state, reason order by request_date
                )
            )::int as run
        from days
    ),
    device_runs as (
        select
            dataset,
            device_id,
            device,
            min(request_date) as first_date,
            max(request_date) as last_date,
            count(*) as days,
            state,
            reason,
            /* A name from the API is quoted as a shell needs it. */
            case
                when regexp_full_match(device_id, '[A-Za-z0-9_@%+=:,./-]+')
                then device_id
                else '''' || replace(device_id, '''', '''"''"''') || ''''
            end as shell_word
        from runs
        group by dataset, device_id, device, state, reason, run
    ),
    missing as (
        select
            dataset,
            count(*) as devices,
            list(device_id order by device_id)[:3] as device_ids,
            list(device order by device_id)[:3] as names,
            list(' --device ' || shell_word order by device_id)[:3] as options,
            first_date,
            last_date,
            days,
            state,
            reason
        from device_runs
        /* What is fetched again is fetched of the devices that need it alone. */
        group by
            dataset,
            first_date,
            last_date,
            days,
            state,
            reason,
            case when state = 'provisional' then device_id end
    )
select
    dataset,
    devices,
    array_to_string(device_ids, ', ') as device_id,
    array_to_string(names, ', ') as device,
    first_date,
    last_date,
    days,
    state,
    reason,
    case
        when state = 'forbidden'
        then null
        when state = 'not_built'
        then 'givlake build'
        else
            'givlake backfill --dataset '
            || dataset
            || case when devices <= 3 then array_to_string(options, '') else '' end
            || ' --start '
            || first_date
            || ' --end '
            || last_date
            || case when state = 'provisional' then ' --refetch' else '' end
    end as command
from missing
order by last_date desc, dataset, device_id, first_date
limit 500
