-- One row per dataset, device and day that was requested or is expected up to today.
-- Source: coverage facts computed from the index of requests, and the expected days.
with
    facts as (
        select * from read_parquet('{folder}/index/coverage/*.parquet', hive_partitioning = false)
    ),
    watermarks as (
        select * from read_parquet('{folder}/index/watermarks/*.parquet', hive_partitioning = false)
    ),
    evidence as (
        select * from read_parquet('{folder}/index/evidence/*.parquet', hive_partitioning = false)
    ),
    expectations as (
        /* `begun`: the latest day that has begun in the zone of the device or in UTC, whatever the
       time zone of the session. */
        select
            *,
            greatest(timezone('UTC', now()), timezone(coalesce(zone, 'UTC'), now()))::date as begun,
            least(coalesce(last_date, begun), begun) as until_date
        from read_parquet('{folder}/expected_days.parquet', hive_partitioning = false)
    ),
    expected as (
        select
            dataset,
            device_id,
            unnest(
                generate_series(first_date::timestamp, until_date::timestamp, interval 1 day)
            )::date as request_date
        from expectations
    ),
    /* Devices whose newest response was 404, not for the first time within the last hour, and that
       have not been in contact since. */
    not_found as (
        select
            dataset,
            device_id,
            max(last_error_at) filter (where last_error_status = 404) as refused_at
        from facts
        group by dataset, device_id
        having
            max(error_id) filter (where last_error_status = 404) = max(
                greatest(coalesce(complete_id, 0), coalesce(partial_id, 0), coalesce(error_id, 0))
            )
            and arg_max(last_error_at - first_not_found_at, error_id) filter (
                where last_error_status = 404
            )
            >= interval 1 hour
    ),
    contacts as (
        select dataset, device_id, max(last_contact_at) as last_contact_at
        from expectations
        group by dataset, device_id
    ),
    gone as (
        select dataset, device_id
        from not_found
        left join expectations using (dataset, device_id)
        group by dataset, device_id
        having coalesce(max(last_contact_at) < max(refused_at), true)
    ),
    days as (
        select
            coalesce(facts.dataset, expected.dataset) as dataset,
            coalesce(facts.device_id, expected.device_id) as device_id,
            coalesce(facts.request_date, expected.request_date) as request_date,
            /* A 404 for a day of a device that is not gone is a failure of that day. */
            facts.state = 'gone' and gone.device_id is null as is_unknown,
            /* A day whose newest response is not in the tables yet is not shown as complete. */
            coalesce(facts.state in ('complete', 'provisional', 'empty', 'unproven'), false)
            and facts.answer_segment > coalesce(watermarks.built_to_segment, 0) as is_pending,
            /* Data are missing although the day was fetched when final, or the device has been away
            since: it is looked at again until 32 days after its end. In hours, as the length of a
            day depends on the session's zone. */
            (
                evidence.device_id is not null
                or (facts.rows is null and contacts.last_contact_at < facts.over_at)
            )
            and (facts.state in ('complete', 'empty') or facts.reason = 'empty, to be confirmed')
            and facts.complete_at < facts.over_at + interval 768 hour as is_not_whole,
            is_not_whole
            and (
                evidence.continued_at is not null
                or coalesce(contacts.last_contact_at >= facts.over_at, true)
            ) as is_incomplete,
            is_not_whole
            and not is_incomplete
            and now() < facts.over_at + interval 768 hour as is_silent,
            case
                when is_unknown
                then 'failed'
                when is_pending
                then 'not_built'
                when is_incomplete or is_silent
                then 'provisional'
                when facts.state is not null
                then facts.state
                when gone.device_id is null
                then 'not_requested'
                else 'gone'
            end as state,
            case
                when is_unknown
                then 'the newest request failed'
                when is_pending
                then 'archived, not built into the tables yet'
                when is_incomplete
                then 'data are missing although counters grew'
                when is_silent
                then 'the device has sent nothing since'
                when facts.reason is not null
                then facts.reason
                when gone.device_id is null
                then 'not requested'
                else 'the API no longer knows the device'
            end as reason,
            facts.rows as rows,
            facts.complete_at as last_fetched_at,
            facts.last_error as last_error,
            facts.last_error_status as last_error_status,
            facts.last_error_at as last_error_at,
            coalesce(facts.error_count, 0) as error_count,
            case
                when is_unknown
                then to_timestamp(0)
                when is_silent
                then null
                when
                    facts.state in ('complete', 'empty', 'provisional')
                    and facts.complete_at < facts.over_at + interval 768 hour
                    and evidence.continued_at > facts.complete_at
                then evidence.continued_at
                when is_incomplete
                then
                    case
                        when facts.complete_at < facts.over_at + interval 48 hour
                        then facts.over_at + interval 48 hour
                        when facts.complete_at < facts.over_at + interval 96 hour
                        then facts.over_at + interval 96 hour
                        when facts.complete_at < facts.over_at + interval 192 hour
                        then facts.over_at + interval 192 hour
                        when facts.complete_at < facts.over_at + interval 384 hour
                        then facts.over_at + interval 384 hour
                        else facts.over_at + interval 768 hour
                    end
                else facts.due_at
            end as due_at,
            expected.device_id is not null as is_expected
        from facts
        full join
            expected
            on facts.dataset = expected.dataset
            and facts.device_id = expected.device_id
            and facts.request_date = expected.request_date
        left join
            gone
            on coalesce(facts.dataset, expected.dataset) = gone.dataset
            and coalesce(facts.device_id, expected.device_id) = gone.device_id
        left join watermarks on facts.dataset = watermarks.dataset
        left join
            evidence
            on facts.dataset = evidence.dataset
            and facts.device_id = evidence.device_id
            and facts.request_date = evidence.request_date
        left join
            contacts on facts.dataset = contacts.dataset and facts.device_id = contacts.device_id
    )
select * exclude (is_unknown, is_pending, is_not_whole, is_incomplete, is_silent)
from days
