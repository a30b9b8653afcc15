-- Energy of the site by day, in kWh.
select local_date, solar_kwh, import_kwh, export_kwh, home_kwh, is_complete
from site_daily
order by local_date desc
limit 4
