-- Each EV charger and its name: the owner's if it is kept, else its serial number.
select
    charger_uuid,
    coalesce(arg_max(alias, valid_from), arg_max(serial_number, valid_from), charger_uuid) as name
from ev_chargers
group by charger_uuid
order by name, charger_uuid
