-- The segment of each response.
select response_id, segment from requests where response_id in (select unnest($ids))
