-- The value of a setting that was read last.
select value
from inverter_setting_values
where inverter_serial = $device and setting_id = $setting and valid_to is null
