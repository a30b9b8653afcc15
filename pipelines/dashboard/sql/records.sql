-- The days with the highest and the lowest figures of all years; only whole days.
--
-- key: measure, kind, rank
-- reads: {{ daily }}, {{ half_hourly }}
-- parameters:
-- device: Site or inverter.
-- columns:
-- measure: solar_kwh, home_kwh, import_kwh, export_kwh, charge_kwh, discharge_kwh, or
-- self_sufficiency, the share of the home's energy that was not from the grid.
-- kind: highest or lowest.
-- rank: 1 to 5.
-- local_date: Local day.
-- value: The figure, kWh or 0 to 1.
with
    energy_days as (from {{ daily }} where {{ device }} = $device and is_complete),
    flow_days as (
        select local_date, 1 - sum(grid_to_home_kwh) / nullif(sum(home_kwh), 0) as self_sufficiency
        from {{ half_hourly }}
        where {{ device }} = $device
        group by local_date
        having count(home_kwh) = min(half_hours_expected)
    ),
    figures as (
        select
            local_date,
            unnest(
                [
                    {measure:'solar_kwh', place:1, value:solar_kwh},
                    {measure:'home_kwh', place:2, value:home_kwh},
                    {measure:'import_kwh', place:3, value:import_kwh},
                    {measure:'export_kwh', place:4, value:export_kwh},
                    {measure:'charge_kwh', place:5, value:charge_kwh},
                    {measure:'discharge_kwh', place:6, value:discharge_kwh}
                ],
                recursive := true
            )
        from energy_days
        union all
        select local_date, 'self_sufficiency' as measure, 7 as place, self_sufficiency as value
        from flow_days
    ),
    ranked as (
        select
            measure,
            place,
            local_date,
            value,
            row_number() over (
                partition by measure order by value desc, local_date desc
            ) as highest_rank,
            row_number() over (partition by measure order by value, local_date desc) as lowest_rank
        from figures
        where value is not null
    ),
    both_ends as (
        select measure, place, 'highest' as kind, highest_rank as rank, local_date, value
        from ranked
        where highest_rank <= 5
        union all
        select measure, place, 'lowest' as kind, lowest_rank as rank, local_date, value
        from ranked
        where lowest_rank <= 5
    )
select measure, kind, rank, local_date, value
from both_ends
order by place, kind, rank
