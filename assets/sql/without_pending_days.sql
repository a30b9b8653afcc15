-- A comparison without days that have archived responses not built yet. A local day can need the
-- responses of the days before and after it; the responses of lists have no day.
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
