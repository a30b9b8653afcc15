-- The end of the newest half hour of energy, or the newest data point.
select max(ended_at) as newest_at
from
    (
        select max(end_at) as ended_at
        from energy_flows
        union all
        select max(time) as ended_at
        from inverter_data_points
    )
