-- The inverters, with what they count for in their sites.
select inverter_serial, site, model, role from device_roles
