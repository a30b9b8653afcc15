-- Grain: charger and currently supported command that is valid in a path.
select charger_uuid, command
from ev_charger_commands_now
where regexp_full_match(command, '[A-Za-z0-9_-]+')
order by all
