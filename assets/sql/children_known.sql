-- Grain: account below that of the token, of those that are listed now.
SELECT account_id FROM account_children_now ORDER BY account_id
