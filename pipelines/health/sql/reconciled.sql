-- Grain: one row. The result of a comparison in assets.reconciliation.
WITH compared AS (
    SELECT device_id, day::VARCHAR AS day, item, {deviation} AS deviation, is_within, compared
    FROM {view}
)
SELECT
    count(*) AS rows,
    coalesce(sum(compared), 0)::BIGINT AS compared,
    count(*) FILTER (WHERE NOT is_within) AS outside,
    arg_max(
        {{device_id: device_id, day: day, item: item, deviation: deviation}}, abs(deviation)
    ) AS largest,
    list(
        {{device_id: device_id, day: day, item: item, deviation: deviation}}
        ORDER BY abs(deviation) DESC
    ) FILTER (WHERE NOT is_within)[:20] AS worst
FROM compared
