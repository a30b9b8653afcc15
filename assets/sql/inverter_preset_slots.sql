-- Grain: inverter, preset, version of its values, and slot; a version without slots has one row
-- with null in the columns about the slot.
with
    versions as (
        select *, if(len(slots) > 0, generate_series(1, len(slots)), [null::bigint]) as slot_numbers
        from inverter_preset_values
    ),
    numbered as (select *, unnest(slot_numbers) as slot from versions)
select
    numbered.inverter_serial,
    numbered.preset,
    presets.name as preset_name,
    numbered.is_enabled,
    numbered.slot,
    numbered.slots[numbered.slot].start_time as start_time,
    numbered.slots[numbered.slot].end_time as end_time,
    numbered.slots[numbered.slot].percent_limit as percent_limit,
    numbered.max_power_w,
    numbered.mode,
    numbered.valid_from,
    numbered.valid_to
from numbered
left join
    inverter_presets_now as presets
    on presets.inverter_serial = numbered.inverter_serial
    and presets.identifier = numbered.preset
