-- From the oldest to the newest half hour of energy, or data point.
select min(started_at) as oldest_at, max(ended_at) as newest_at
from
    (
        select min(start_at) as started_at, max(end_at) as ended_at
        from energy_flows
        union all
        select min(time) as started_at, max(time) as ended_at
        from inverter_data_points
    )
