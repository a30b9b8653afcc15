"""Devices have the names for people that the owner keeps; programs get their identifiers too."""

import json
from datetime import timedelta

import pytest

DAY = timedelta(days=1)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_charger_is_named_by_its_alias_if_kept_and_by_its_serial(simulate, own, today, is_kept):
    sim = simulate(inverters=1, ev_chargers=1, commissioned=today - 30 * DAY)
    kept = {"GIVLAKE_KEEP_PERSONAL": "ev_chargers:data[].alias"} if is_kept else {}
    owner = own(sim, GIVLAKE_DATASETS="ev_chargers,ev_meter_readings", **kept)
    days = ("--start", today - 5 * DAY, "--end", today - 4 * DAY)
    sim.fail(rf"/ev-charger/.*{today - 5 * DAY}", status=500)
    done = owner.givlake("backfill", *days)
    assert done.status == 1, done.out
    (row,) = owner.sql("SELECT charger_uuid, serial_number, alias FROM ev_chargers_now")
    uuid, serial = row["charger_uuid"], row["serial_number"]
    assert (row["alias"] is not None) == is_kept
    name = f"{row['alias']} ({serial})" if is_kept else serial
    assert f"failed, first {name} {today - 5 * DAY}" in done.out
    shown = owner.givlake("status").out
    assert f"\n{name} " in shown
    assert f"  {name}, {today - 5 * DAY}, failed: " in shown
    # Commands take the API's identifier, which a shell needs not quote.
    assert f"--device {uuid}" in shown or "Fix: givlake backfill --start" in shown
    (told,) = (
        part
        for part in json.loads(owner.givlake("status", "--format", "json").out)
        if part["dataset"] == "ev_meter_readings"
    )
    assert [(each["device_id"], each["device_name"]) for each in told["devices"]] == [(uuid, name)]
    picture = owner.folder / "days.svg"
    owner.givlake("status", "--calendar", picture)
    assert f">{name}</text>" in picture.read_text()
    # The serial number that people read is accepted as well.
    sim.clear_failures()
    again = owner.givlake("backfill", "--device", serial, *days)
    assert (again.status, "2 device-days complete" in again.out) == (0, True), again.output
    unknown = owner.givlake("backfill", "--device", "Garage", *days)
    assert unknown.status == 2
    assert "Unknown device 'Garage': the account has " in unknown.err
    assert serial in unknown.err
