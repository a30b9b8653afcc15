-- A comparison without days that have archived responses not built yet. A local day can need the
-- responses of the days before and after it; the responses of lists have no day.
from ({compared}) as compared
where
    not exists (
        from pending_responses as pending
        where
            pending.dataset in ({datasets})
            and pending.device_id = compared.device_id
            and (
                pending.request_date is null
                or compared.day
                between pending.request_date
                - 1 and coalesce(pending.request_end_date, pending.request_date)
                + 1
            )
    )
