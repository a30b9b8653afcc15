-- Grain: setting and name, of all settings that an inverter has ever had: models can give a number
-- different names.
select distinct setting_id, name from inverter_setting_definitions order by setting_id, name
