-- Each loaded tariff, and whether it is in force on a day.
select
    tariffs.tariff,
    coalesce(
        bool_or(
            in_force.from_date <= $today::date and coalesce(in_force.to_date > $today::date, true)
        ),
        false
    ) as is_in_force
from tariffs
left join tariffs_in_force as in_force using (tariff)
group by tariffs.tariff
order by tariffs.tariff
