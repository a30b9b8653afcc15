-- Grain: dataset and reason. Quarantined rows.
select dataset, reason, count(*) as rows from quarantine group by all order by all
