-- What is known of each day that was requested or is expected: state, rows, gaps, deviations,
-- replaced and invalid rows.
--
-- key: dataset, device_id, local_date
-- reads: coverage, gaps, findings, row_accounting
-- columns:
-- dataset varchar: Dataset.
-- device_id varchar: Serial number of the inverter, or UUID of the charger.
-- local_date date: Local day that was requested.
-- state varchar: State in `coverage`.
-- reason varchar: Why, as in `coverage`.
-- rows bigint: Rows of the newest whole answer; null without one.
-- largest_gap_min double: Longest gap of more than 30 minutes between data points that touches the
-- day; 0 if there is none, null for other datasets and for days without points.
-- unknown_kwh double: Energy used over gaps that begin on the day, of which no curve is known; null
-- if unknown.
-- deviations bigint: Comparisons of the day that deviate by more than can be explained, in
-- `findings`.
-- superseded bigint: Rows that a newer response replaced; null if nothing was built.
-- quarantined bigint: Rows that could not be decoded; null if nothing was built.
-- source varchar: coverage.
-- is_complete boolean: Whether the day is complete, or known to be empty.
-- is_final boolean: The same: the state of a day whose data can still change is provisional.
with
    gap_days as (
        select
            inverter_serial,
            unnest(
                generate_series(first_date::timestamp, last_date::timestamp, interval 1 day)
            )::date as local_date,
            first_date,
            duration_s,
            consumption_kwh
        from gaps
    ),
    largest as (
        select
            'inverter_data_points' as dataset,
            inverter_serial as device_id,
            local_date,
            max(duration_s) / 60 as largest_gap_min,
            count(*) filter (
                where local_date = first_date and consumption_kwh is null
            ) as unknown_gaps,
            sum(consumption_kwh) filter (where local_date = first_date) as unknown_kwh
        from gap_days
        group by inverter_serial, local_date
    ),
    deviating as (
        select device_id, day as local_date, "check", count(*) as deviations
        from findings
        where "check" <> 'gaps'
        group by all
    ),
    by_dataset as (
        select
            case
                when "check" in ('reconcile_sessions', 'reconcile_session_values')
                then 'ev_meter_readings'
                else
                    case
                        when "check" in ('reconcile_counters_flows', 'reconcile_flows')
                        then 'energy_flows'
                        else 'inverter_data_points'
                    end
            end as dataset,
            device_id,
            local_date,
            sum(deviations)::bigint as deviations
        from deviating
        group by all
    ),
    built as (
        select
            dataset,
            device_id,
            request_date as local_date,
            (sum(superseding) + sum(superseded))::bigint as superseded,
            sum(quarantined)::bigint as quarantined
        from row_accounting
        where request_date is not null
        group by all
    )
select
    days.dataset,
    days.device_id,
    days.request_date as local_date,
    days.state,
    days.reason,
    days.rows,
    case
        when days.dataset = 'inverter_data_points' and days.rows > 0
        then coalesce(largest.largest_gap_min, 0)
        else null
    end as largest_gap_min,
    case
        when days.dataset <> 'inverter_data_points' or days.rows is null or largest.unknown_gaps > 0
        then null
        else coalesce(largest.unknown_kwh, 0)
    end as unknown_kwh,
    coalesce(by_dataset.deviations, 0) as deviations,
    built.superseded,
    built.quarantined,
    'coverage' as source,
    days.state in ('complete', 'empty') as is_complete,
    is_complete as is_final
from coverage as days
left join
    largest
    on days.dataset = largest.dataset
    and days.device_id = largest.device_id
    and days.request_date = largest.local_date
left join
    by_dataset
    on days.dataset = by_dataset.dataset
    and days.device_id = by_dataset.device_id
    and days.request_date = by_dataset.local_date
left join
    built
    on days.dataset = built.dataset
    and days.device_id = built.device_id
    and days.request_date = built.local_date
