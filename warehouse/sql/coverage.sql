-- One row per dataset, device and day that was asked for, or that is expected up to today.
-- Source: facts folded from the index of requests, and the stored expectations.
WITH facts AS (
    SELECT * FROM read_parquet('{folder}/index/coverage/*.parquet', hive_partitioning = false)
),
expectations AS (
    SELECT *, least(coalesce(last_date, current_date), current_date) AS until_date
    FROM read_parquet('{folder}/expected_days.parquet', hive_partitioning = false)
),
expected AS (
    SELECT
        dataset,
        device_id,
        unnest(generate_series(first_date::TIMESTAMP, until_date::TIMESTAMP, INTERVAL 1 DAY))::DATE
            AS request_date
    FROM expectations
)
SELECT
    coalesce(facts.dataset, expected.dataset) AS dataset,
    coalesce(facts.device_id, expected.device_id) AS device_id,
    coalesce(facts.request_date, expected.request_date) AS request_date,
    coalesce(facts.state, 'never_asked') AS state,
    coalesce(facts.reason, 'nothing was asked') AS reason,
    facts.rows AS rows,
    facts.complete_at AS last_fetched_at,
    facts.last_error AS last_error,
    facts.last_error_status AS last_error_status,
    facts.last_error_at AS last_error_at,
    coalesce(facts.error_count, 0) AS error_count,
    facts.due_from AS due_from,
    expected.device_id IS NOT NULL AS is_expected
FROM facts
FULL JOIN expected
    ON facts.dataset = expected.dataset
    AND facts.device_id = expected.device_id
    AND facts.request_date = expected.request_date
