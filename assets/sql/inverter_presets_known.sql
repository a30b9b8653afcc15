-- Grain: inverter and currently listed preset whose values can be read.
select distinct inverter_serial, identifier as preset
from inverter_presets_now
where
    regexp_full_match(identifier, '[A-Za-z0-9_-]+')
    -- It only resets, and has no values.
    and identifier <> 'reset-to-defaults'
order by all
