-- Grain: setting. Its name, of all settings that an inverter has ever had.
select setting_id, any_value(name) as name
from inverter_setting_definitions
group by setting_id
order by setting_id
