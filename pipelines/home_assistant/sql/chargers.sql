-- Each EV charger with sessions, its serial number, and whether its energy is in the home's.
--
-- on_home_meter: of the sessions of which that is known, whether it is so for more than half.
select
    sessions.charger_uuid,
    max(chargers.serial_number) as serial_number,
    avg(sessions.on_home_meter::integer) > 0.5 as on_home_meter
from ev_sessions as sessions
left join ev_chargers as chargers using (charger_uuid)
group by sessions.charger_uuid
order by sessions.charger_uuid
