-- Each loaded tariff, whether it is in force on a day, and whether it is on any.
select
    tariffs.tariff,
    coalesce(
        bool_or(
            in_force.from_date <= $today::date and coalesce(in_force.to_date > $today::date, true)
        ),
        false
    ) as is_in_force,
    count(in_force.from_date) > 0 as is_used
from tariffs
left join tariffs_in_force as in_force using (tariff)
group by tariffs.tariff
order by tariffs.tariff
