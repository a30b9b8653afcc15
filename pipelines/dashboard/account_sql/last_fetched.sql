-- When anything was fetched last.
select max(last_fetched_at) as last_fetched_at from coverage
