-- Grain: charger and currently supported command that is valid in a path.
SELECT charger_uuid, command
FROM ev_charger_commands_now
WHERE regexp_full_match(command, '[A-Za-z0-9_-]+')
ORDER BY ALL
