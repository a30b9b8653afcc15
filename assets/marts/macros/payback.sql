-- How many years each site's savings need to repay what the installation cost.
--
-- From the whole days with a cost: their mean saving times 365.25. It assumes that prices and use
-- stay as they are, and knows neither interest nor ageing. Days of one season only make it wrong:
-- see `days`.
--
-- key: site
-- reads: cost_daily
-- parameters:
-- capital_cost: What the installation cost, in the currency of the tariffs.
-- columns:
-- site varchar: Site, as in `cost_daily`.
-- capital_cost_gbp double: What the installation cost.
-- saved_gbp double: What PV and battery saved on the days that count.
-- days bigint: Whole days with a cost, which count.
-- saved_per_year_gbp double: Savings of a year at that rate; null below 365 days.
-- payback_years double: Years to repay the cost at that rate; null below 365 days or without
-- savings.
-- repaid_share double: Share of the cost that the days that count have repaid, 0 to 1 and more.
select
    site,
    capital_cost::double as capital_cost_gbp,
    round(sum(saved_gbp), 6) as saved_gbp,
    count(*) as days,
    case
        when count(*) >= 365 then sum(saved_gbp) / count(*) * 365.25 else null
    end as saved_per_year_gbp,
    case
        when saved_per_year_gbp > 0 then capital_cost / saved_per_year_gbp else null
    end as payback_years,
    sum(saved_gbp) / nullif(capital_cost::double, 0) as repaid_share
from cost_daily
where saved_gbp is not null and half_hours = half_hours_expected
group by site
