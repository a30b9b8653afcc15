"""Devices have the names for people that the owner keeps; programs get their identifiers too."""

import json
from datetime import timedelta

import pytest

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_charger_is_named_by_its_alias_if_kept_and_by_its_serial(simulate, own, today, is_kept):
    sim = simulate(inverters=1, ev_chargers=2, commissioned=today - 30 * DAY)
    kept = {"GIVLAKE_KEEP_PERSONAL": "ev_chargers:data[].alias"} if is_kept else {}
    owner = own(sim, GIVLAKE_DATASETS="ev_chargers,ev_meter_readings", **kept)
    owner.givlake("backfill", "--dataset", "ev_chargers")
    # The other charger has no alias in the account.
    row = owner.sql("FROM ev_chargers_now ORDER BY alias NULLS LAST, charger_uuid")[0]
    uuid, serial = row["charger_uuid"], row["serial_number"]
    assert (row["alias"] is not None) == is_kept
    name = f"{row['alias']} ({serial})" if is_kept else serial
    days = ("--start", today - 5 * DAY, "--end", today - 5 * DAY)
    sim.fail(rf"/ev-charger/{uuid}/.*{today - 5 * DAY}", status=500)
    done = owner.givlake("backfill", *days)
    assert done.status == 1, done.out
    assert f"failed, first {name} {today - 5 * DAY}" in done.out
    shown = owner.givlake("status").out
    assert name in [line.split("  ")[0] for line in shown.splitlines()]
    assert f"  {name}, {today - 5 * DAY}, failed: " in shown
    # Commands take the API's identifier, which no shell needs quoted.
    assert f"--device {uuid} --start {today - 5 * DAY} --end {today - 5 * DAY}" in shown
    (told,) = (
        part
        for part in json.loads(owner.givlake("status", "--format", "json").out)
        if part["dataset"] == "ev_meter_readings"
    )
    names = {each["device_id"]: each["device_name"] for each in told["devices"]}
    assert names[uuid] == name
    picture = owner.folder / "days.svg"
    owner.givlake("status", "--calendar", picture)
    assert f">{name}</text>" in picture.read_text()
    # The serial number that people read is accepted as well.
    sim.clear_failures()
    again = owner.givlake("backfill", "--device", serial, *days)
    assert (again.status, "1 device-day complete" in again.out) == (0, True), again.output
    unknown = owner.givlake("backfill", "--device", "Carport", *days)
    assert unknown.status == 2
    assert "Unknown device 'Carport': the account has " in unknown.err
    assert name.split(" (")[0] in unknown.err
    # It said that no data were stored, which an owner who wants them gone would have believed.
    gone = owner.givlake("forget", "--yes", "--device", serial)
    assert gone.status == 0, gone.err
    assert uuid in gone.out
    assert owner.sql(f"SELECT count(*) AS n FROM requests WHERE device_id = '{uuid}'")[0]["n"] == 0
