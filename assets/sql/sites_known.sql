-- Grain: site of those that are listed now.
SELECT site_id FROM sites_now ORDER BY site_id
