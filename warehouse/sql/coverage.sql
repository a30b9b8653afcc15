-- One row per dataset, device and day that was asked for, or that is expected up to today.
-- Source: facts folded from the index of requests, and the stored expectations.
WITH facts AS (
    SELECT * FROM read_parquet('{folder}/index/coverage/*.parquet', hive_partitioning = false)
),
watermarks AS (
    SELECT * FROM read_parquet('{folder}/index/watermarks/*.parquet', hive_partitioning = false)
),
expectations AS (
    /* The latest day that has begun where the device is, or in UTC; not where the session is. */
    SELECT
        *,
        greatest(timezone('UTC', now()), timezone(coalesce(zone, 'UTC'), now()))::DATE AS begun,
        least(coalesce(last_date, begun), begun) AS until_date
    FROM read_parquet('{folder}/expected_days.parquet', hive_partitioning = false)
),
expected AS (
    SELECT
        dataset,
        device_id,
        unnest(generate_series(first_date::TIMESTAMP, until_date::TIMESTAMP, INTERVAL 1 DAY))::DATE
            AS request_date
    FROM expectations
),
/* Devices that were not known when last asked and have not been in contact since. */
not_found AS (
    SELECT
        dataset,
        device_id,
        max(last_error_at) FILTER (WHERE last_error_status = 404) AS refused_at
    FROM facts
    GROUP BY dataset, device_id
    HAVING
        max(error_id) FILTER (WHERE last_error_status = 404) = max(
            greatest(coalesce(complete_id, 0), coalesce(partial_id, 0), coalesce(error_id, 0))
        )
),
gone AS (
    SELECT dataset, device_id
    FROM not_found
    LEFT JOIN expectations USING (dataset, device_id)
    GROUP BY dataset, device_id
    HAVING coalesce(max(last_contact_at) < max(refused_at), true)
),
days AS (
    SELECT
        coalesce(facts.dataset, expected.dataset) AS dataset,
        coalesce(facts.device_id, expected.device_id) AS device_id,
        coalesce(facts.request_date, expected.request_date) AS request_date,
        /* What a device that is there did not know is a failure of that one day. */
        facts.state = 'gone' AND gone.device_id IS NULL AS is_unknown,
        /* What was had and is still on its way into the tables is not shown as there. */
        coalesce(facts.state IN ('complete', 'provisional', 'empty'), false)
        AND facts.answer_segment > coalesce(watermarks.built_to_segment, 0) AS is_pending,
        CASE
            WHEN is_unknown THEN 'failed'
            WHEN is_pending THEN 'not_built'
            WHEN facts.state IS NOT NULL THEN facts.state
            WHEN gone.device_id IS NULL THEN 'not_requested'
            ELSE 'gone'
        END AS state,
        CASE
            WHEN is_unknown THEN 'the newest request failed'
            WHEN is_pending THEN 'archived, and not in the tables yet'
            WHEN facts.reason IS NOT NULL THEN facts.reason
            WHEN gone.device_id IS NULL THEN 'nothing was asked'
            ELSE 'the device is not known any more'
        END AS reason,
        facts.rows AS rows,
        facts.complete_at AS last_fetched_at,
        facts.last_error AS last_error,
        facts.last_error_status AS last_error_status,
        facts.last_error_at AS last_error_at,
        coalesce(facts.error_count, 0) AS error_count,
        if(is_unknown, to_timestamp(0), facts.due_at) AS due_at,
        expected.device_id IS NOT NULL AS is_expected
    FROM facts
    FULL JOIN expected
        ON facts.dataset = expected.dataset
        AND facts.device_id = expected.device_id
        AND facts.request_date = expected.request_date
    LEFT JOIN gone
        ON coalesce(facts.dataset, expected.dataset) = gone.dataset
        AND coalesce(facts.device_id, expected.device_id) = gone.device_id
    LEFT JOIN watermarks
        ON facts.dataset = watermarks.dataset
)
SELECT * EXCLUDE (is_unknown, is_pending) FROM days
