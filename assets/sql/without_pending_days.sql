-- What is compared, without days of which an answer is archived and not in the tables yet. A day of
-- local time can need the answers of the days before and after it; a list has no days at all.
FROM (
{compared}
) AS compared
WHERE NOT EXISTS (
    FROM pending_responses AS pending
    WHERE
        pending.dataset IN ({datasets})
        AND pending.device_id = compared.device_id
        AND (
            pending.request_date IS NULL
            OR compared.day BETWEEN pending.request_date - 1
            AND coalesce(pending.request_end_date, pending.request_date) + 1
        )
)
