-- By how much the yield of each inverter's PV array changes a year, with its standard error.
--
-- Of each half hour of the day and four weeks of the year, the 95th percentile of the solar
-- energy is taken each year: what a clear sky gave. Its logarithm falls as the array ages. The
-- standard error comes from how the thirteen times four weeks differ. Below 3 years, or a change
-- below two standard errors, is not distinguishable from none. Curtailed export and a full
-- battery make an array look worse.
--
-- key: inverter_serial
-- reads: energy_flows
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- change_percent_per_year double: Change of the yield, % a year; negative if it falls.
-- standard_error_percent double: Standard error of the change, points of % a year.
-- years double: Years that are compared, from the first to the last.
-- first_date date: First day.
-- last_date date: Last day.
-- verdict varchar: falling, rising, or not distinguishable from none.
-- source varchar: energy_flows.
-- is_complete boolean: Whether three years or more are compared.
-- is_final boolean: Whether the flows were fetched after they could change.
with
    half_hours as (
        select
            inverter_serial,
            local_date,
            year(local_date) as year,
            least(floor((dayofyear(local_date) - 1) / 28), 12) as four_weeks,
            floor(epoch(start_at) / 1800)::bigint % 48 as half_hour,
            pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh as solar_kwh,
            fetched_at >= end_at + interval 72 hour as is_final
        from energy_flows
        where pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh > 0.01
    ),
    clear as (
        select
            inverter_serial,
            year,
            four_weeks,
            half_hour,
            ln(quantile_cont(solar_kwh, 0.95)) as log_kwh,
            min(local_date) as first_date,
            max(local_date) as last_date,
            bool_and(is_final) as is_final
        from half_hours
        group by inverter_serial, year, four_weeks, half_hour
        /* At dawn and in weeks with few days a percentile says little. */
        having count(*) >= 20 and quantile_cont(solar_kwh, 0.95) >= 0.1
    ),
    slopes as (
        select
            inverter_serial,
            four_weeks,
            half_hour,
            regr_slope(log_kwh, year) as slope,
            count(*) * var_pop(year) as weight,
            min(first_date) as first_date,
            max(last_date) as last_date,
            bool_and(is_final) as is_final
        from clear
        group by inverter_serial, four_weeks, half_hour
        having count(*) >= 2
    ),
    blocks as (
        select
            inverter_serial,
            four_weeks,
            sum(slope * weight) / sum(weight) as slope,
            sum(weight) as weight,
            min(first_date) as first_date,
            max(last_date) as last_date,
            bool_and(is_final) as is_final
        from slopes
        group by inverter_serial, four_weeks
    ),
    changes as (
        select
            inverter_serial,
            sum(slope * weight) / sum(weight) as mean_slope,
            count(*) as blocks,
            list({slope:slope, weight:weight}) as parts,
            sum(weight) as total_weight,
            min(first_date) as first_date,
            max(last_date) as last_date,
            bool_and(is_final) as is_final
        from blocks
        group by inverter_serial
    ),
    errors as (
        select
            *,
            sqrt(
                list_sum(
                    list_transform(
                        parts,
                        lambda part: (part.weight * (part.slope - mean_slope))
                        * (part.weight * (part.slope - mean_slope))
                    )
                )
                * blocks
                / nullif(blocks - 1, 0)
            )
            / total_weight as standard_error
        from changes
    )
select
    inverter_serial,
    100 * (exp(mean_slope) - 1) as change_percent_per_year,
    100 * standard_error as standard_error_percent,
    round((last_date - first_date + 1) / 365.25, 1) as years,
    first_date,
    last_date,
    case
        when years < 3 or standard_error is null or abs(mean_slope) < 2 * standard_error
        then 'not distinguishable from none'
        when mean_slope < 0
        then 'falling'
        else 'rising'
    end as verdict,
    'energy_flows' as source,
    years >= 3 as is_complete,
    is_final
from errors
