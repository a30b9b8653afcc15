-- Each EV charger with sessions, and its serial number.
select sessions.charger_uuid, max(chargers.serial_number) as serial_number
from ev_charging_sessions as sessions
left join ev_chargers as chargers using (charger_uuid)
group by sessions.charger_uuid
order by sessions.charger_uuid
