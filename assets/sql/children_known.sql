-- Grain: currently listed child account.
SELECT account_id FROM account_children_now ORDER BY account_id
