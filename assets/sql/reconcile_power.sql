-- Grain: inverter and local day. Consumption against inverter power less grid power.
WITH points AS (
    SELECT
        inverter_serial,
        local_date,
        time,
        consumption_power_w - (inverter_power_w - grid_power_w) AS deviation_w
    FROM inverter_data_points
)
SELECT
    inverter_serial AS device_id,
    local_date AS day,
    'consumption' AS item,
    count(deviation_w) AS compared,
    count(*) FILTER (WHERE abs(deviation_w) > 5) AS outside,
    arg_max(deviation_w, abs(deviation_w)) AS deviation_w,
    arg_max(time, abs(deviation_w)) AS deviation_at,
    outside <= greatest(3, 0.02 * compared) AS is_within
FROM points
GROUP BY inverter_serial, local_date
HAVING compared > 0
