-- The newest charges of the car, and where their energy came from.
select
    started_local::timestamp(0) as started,
    round(energy_kwh, 1) as kwh,
    round(solar_kwh, 1) as solar,
    round(battery_kwh, 1) as battery,
    round(grid_kwh, 1) as grid
from ev_sessions
order by started desc
limit 4
