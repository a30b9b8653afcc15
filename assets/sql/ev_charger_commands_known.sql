-- Grain: charger and command that it supports now, as a path can name it.
SELECT charger_uuid, command
FROM ev_charger_commands_now
WHERE regexp_full_match(command, '[A-Za-z0-9_-]+')
ORDER BY ALL
