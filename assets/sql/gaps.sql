-- Grain: inverter and gap of more than 30 minutes between two of its points. Energy over the gap,
-- and why points are missing.
WITH points AS (
    SELECT
        inverter_serial,
        lag(time) OVER earlier AS last_point_at,
        time AS next_point_at,
        lag(local_date) OVER earlier AS first_date,
        local_date AS last_date,
        lag(request_date) OVER earlier AS first_request_date,
        request_date AS last_request_date,
        total_solar_kwh - lag(total_solar_kwh) OVER earlier AS solar_kwh,
        total_grid_import_kwh - lag(total_grid_import_kwh) OVER earlier AS grid_import_kwh,
        total_grid_export_kwh - lag(total_grid_export_kwh) OVER earlier AS grid_export_kwh,
        total_consumption_kwh - lag(total_consumption_kwh) OVER earlier AS consumption_kwh
    FROM inverter_data_points
    WINDOW earlier AS (PARTITION BY inverter_serial ORDER BY time)
),
gaps AS (
    SELECT
        *,
        greatest(
            solar_kwh, grid_import_kwh, grid_export_kwh, round(consumption_kwh, 1) - 0.1
        ) AS growth_kwh
    FROM points
    WHERE next_point_at - last_point_at > INTERVAL 30 MINUTE
),
/* Days whose points may be missing because they were not fetched. */
not_fetched_days AS (
    SELECT device_id, request_date
    FROM coverage
    WHERE
        dataset = 'inverter_data_points'
        AND state IN ('failed', 'partial', 'forbidden', 'gone', 'not_requested')
),
missing_days AS (
    SELECT gaps.inverter_serial, gaps.last_point_at, count(*) AS days
    FROM gaps
    INNER JOIN not_fetched_days
        ON gaps.inverter_serial = not_fetched_days.device_id
        AND not_fetched_days.request_date BETWEEN gaps.first_request_date AND gaps.last_request_date
    GROUP BY ALL
)
SELECT
    gaps.inverter_serial,
    gaps.last_point_at,
    gaps.next_point_at,
    gaps.first_date,
    gaps.last_date,
    epoch(gaps.next_point_at - gaps.last_point_at) AS duration_s,
    CASE
        WHEN missing_days.days IS NOT NULL THEN 'not_fetched'
        WHEN gaps.growth_kwh > 0.01 THEN 'not_sent'
        WHEN gaps.growth_kwh IS NOT NULL THEN 'device_off'
        ELSE 'unknown'
    END AS cause,
    coalesce(gaps.growth_kwh > 0.01, false) AS is_energy_known,
    gaps.solar_kwh,
    gaps.grid_import_kwh,
    gaps.grid_export_kwh,
    gaps.consumption_kwh
FROM gaps
LEFT JOIN missing_days USING (inverter_serial, last_point_at)
/* Gaps with archived responses that are not built yet are undecided. */
WHERE NOT EXISTS (
    FROM pending_responses AS pending
    WHERE
        pending.dataset = 'inverter_data_points'
        AND pending.device_id = gaps.inverter_serial
        AND pending.request_date <= gaps.last_request_date
        AND coalesce(pending.request_end_date, pending.request_date) >= gaps.first_request_date
)
