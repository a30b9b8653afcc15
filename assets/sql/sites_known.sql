-- Grain: currently listed site.
SELECT site_id FROM sites_now ORDER BY site_id
