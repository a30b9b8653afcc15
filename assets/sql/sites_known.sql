-- Grain: currently listed site.
select site_id from sites_now order by site_id
