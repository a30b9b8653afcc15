-- The latest known values of each inverter of the device.
--
-- Of very many inverters there are 20, those that count ahead.
--
-- key: inverter_serial
-- reads: site_now
-- parameters:
-- device: Site or inverter.
-- now: The present time.
-- columns:
-- inverter_serial: Serial number of the inverter.
-- role: Role in the site, as in `device_roles`.
-- model: Model.
-- time: Time of the powers, UTC; null without any reading.
-- age_min: Minutes since then.
-- status: Status as sent.
-- solar_power_w: PV generation.
-- grid_power_w: Power of the grid: positive exports, negative imports.
-- battery_power_w: Power of the battery: positive discharges, negative charges.
-- home_power_w: Power of the home.
-- battery_percent: State of charge.
-- energy_time: Time of the energies, UTC.
-- today_solar_kwh: Solar energy since local midnight of that time.
-- today_import_kwh: Energy taken from the grid.
-- today_export_kwh: Energy given to the grid.
-- today_charge_kwh: Energy put into the battery.
-- today_discharge_kwh: Energy taken from the battery.
-- today_home_kwh: Energy used in the home by the inverter's counter.
-- inverters: Number of inverters.
select
    inverter_serial,
    role,
    model,
    time,
    (epoch($now::timestamptz) - epoch(time)) / 60 as age_min,
    status,
    solar_power_w,
    grid_power_w,
    battery_power_w,
    home_power_w,
    battery_percent,
    energy_time,
    today_solar_kwh,
    today_import_kwh,
    today_export_kwh,
    today_charge_kwh,
    today_discharge_kwh,
    today_home_kwh,
    count(*) over () as inverters
from site_now
where {{ device }} = $device
order by coalesce(role = 'ignored', true), inverter_serial
limit 20
