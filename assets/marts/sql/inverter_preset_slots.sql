-- What each preset of an inverter was set to, one row per version and slot.
--
-- A version without slots has one row with null in the columns about the slot.
--
-- key: inverter_serial, preset, valid_from, slot or null
-- reads: inverter_preset_values, inverter_presets_now
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- preset varchar: Identifier of the preset, such as timed-charge.
-- preset_name varchar: Its present name.
-- is_enabled boolean: Whether the preset is on.
-- slot bigint: Number of the slot, from 1; null: the version has no slots.
-- start_time varchar: Begin of the slot, HH:MM of the inverter's time.
-- end_time varchar: End of the slot; before its begin if it passes midnight.
-- percent_limit double: State of charge at which it stops, %.
-- max_power_w double: Limit of the preset's power, W.
-- mode varchar: Mode of pause-battery, as sent.
-- valid_from timestamptz: Time when the version was first seen, UTC; it was set since the poll
-- before.
-- valid_to timestamptz: Time when it was first seen to be no longer set, UTC; null: current.
with
    versions as (
        select
            *,
            case
                when len(slots) > 0 then generate_series(1, len(slots)) else [null::bigint]
            end as slot_numbers
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
