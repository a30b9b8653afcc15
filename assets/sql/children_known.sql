-- Grain: currently listed child account.
select account_id from account_children_now order by account_id
