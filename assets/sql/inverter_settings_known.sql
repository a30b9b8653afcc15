-- Grain: inverter and setting, of those in the current definitions. When it was last read: with a
-- result that stands (a value, or that it cannot be read or is refused), and at all; and when a
-- read of the inverter last failed, unless a later one did not.
with
    reads as (
        select
            requests.device_id as inverter_serial,
            try_cast(
                coalesce(
                    nullif(regexp_extract(requests.path, '/settings/([0-9]+)/read$', 1), ''),
                    requests.params ->> 'setting_id'
                ) as bigint
            ) as setting_id,
            requests.fetched_at,
            case
                when outcome = 'ok'
                then case when coalesce(answers.is_settled, true) then 'settled' else 'no value' end
                when status is null or status >= 500 or status = 408
                then 'no answer'
                when status >= 400
                then 'refused'
                else 'unusable'
            end as result
        from requests
        left join
            (
                select
                    response_id,
                    has_value or coalesce(state_code = -4, coalesce(success, true)) as is_settled
                from inverter_setting_reads
            ) as answers using (response_id)
        where
            requests.dataset = 'inverter_setting_values'
            and requests.source = 'api'
            /* Availability says when to ask again for what the account may not, or is unknown;
            what others refuse, or was never sent, has not been asked for. */
            and (
                outcome = 'ok'
                or (
                    coalesce(status not in (401, 402, 403, 404, 429), true)
                    and error_kind not in ('foreign', 'proxy', 'redirect', 'unreachable', 'tls')
                )
            )
    ),
    by_setting as (
        select
            inverter_serial,
            setting_id,
            max(fetched_at) as read_at,
            max(fetched_at) filter (where result in ('settled', 'refused')) as settled_at
        from reads
        group by all
    ),
    by_inverter as (
        select
            inverter_serial,
            max(fetched_at) filter (where result in ('no value', 'no answer')) as failed_at,
            max(fetched_at) filter (where result = 'settled') as settled_at
        from reads
        group by all
    )
select
    definitions.inverter_serial,
    definitions.setting_id,
    definitions.name,
    definitions.validation_rules,
    by_setting.settled_at,
    by_setting.read_at,
    case
        when by_inverter.failed_at > coalesce(by_inverter.settled_at, 'epoch')
        then by_inverter.failed_at
        else null
    end as inverter_failed_at
from inverter_setting_definitions_now as definitions
left join by_setting using (inverter_serial, setting_id)
left join by_inverter using (inverter_serial)
order by definitions.inverter_serial, definitions.setting_id
