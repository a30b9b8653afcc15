"""The exit status says what the words say: about what the command covers, and nothing else."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

DAY = timedelta(days=1)


def lines_of(text, start):
    """Return the lines of an output that begin with a word."""
    return [line for line in text.splitlines() if line.startswith(start)]


@pytest.mark.slow
def test_a_backfill_of_one_device_says_nothing_of_other_devices_datasets_and_days(
    simulate, own, today
):
    """It ended with 1, as what belongs to the account and to other devices was never asked."""
    sim = simulate(
        inverters=2,
        commissioned=today - 60 * DAY,
        ev_chargers=1,
        flow_gap_rate=0.0,
        ev_points_every_s=900,
        meter_rows_every_s=3600,
    )
    owner = own(sim, GIVLAKE_DATASETS="", GIVLAKE_RANGE_DAYS="31")
    one, other = sim.serials
    # Days that are not final yet, outside of what is asked for afterwards.
    first = owner.givlake("backfill", "--device", one, "--start", today)
    assert first.status == 0, first.out
    assert "inverter_data_points: 1 device-day not final yet\n" in first.out
    start = today - 20 * DAY
    done = owner.givlake("backfill", "--device", one, "--start", start, "--end", start + 2 * DAY)
    assert done.status == 0, done.out
    for dataset in ("energy_flows", "inverter_data_points"):
        assert f"{dataset}: 3 device-days complete\n" in done.out
    assert "not final yet" not in done.out
    assert "not requested" not in done.out
    assert other not in done.out
    # What was never asked is missing to `status`, which covers everything.
    assert owner.givlake("status").status == 1


@pytest.mark.slow
def test_a_day_that_is_complete_and_fails_when_it_is_fetched_again_is_a_failure(
    simulate, own, today
):
    """It ended with 0, as the earlier data are there."""
    sim = simulate(inverters=1)
    owner = own(sim)
    start = today - 20 * DAY
    days = ("--start", start, "--end", start + 2 * DAY)
    assert owner.givlake("backfill", *days).status == 0
    before = owner.rows()
    sim.fail(rf"/data-points/{start}", status=500)
    done = owner.givlake("backfill", *days, "--refetch")
    assert done.status == 1
    assert f"1 device-day failed, first {sim.serials[0]} {start}" in done.out
    assert "3 device-days complete" in done.out
    assert "Incomplete; what was stored before is kept." in done.out
    assert len(owner.rows()) == len(before)
    # Nothing is missing, and nothing of this command failed.
    assert owner.givlake("backfill", *days).status == 0


@pytest.mark.slow
def test_a_sync_that_cannot_update_today_is_a_failure(simulate, own, today):
    sim = simulate(inverters=1)
    owner = own(sim)
    assert owner.givlake("sync").status == 0
    sim.fail(rf"/data-points/{today}", status=500)
    done = owner.givlake("sync")
    assert (done.status, len(lines_of(done.out, "1 device-day failed"))) == (1, 1)
    sim.clear_failures()
    assert owner.givlake("sync").status == 0


@pytest.mark.slow
def test_the_requests_that_a_command_counts_are_those_that_the_server_counted(simulate, own, today):
    sim = simulate(
        inverters=2,
        ev_chargers=1,
        commissioned=today - 60 * DAY,
        ev_points_every_s=900,
        meter_rows_every_s=3600,
    )
    owner = own(sim, GIVLAKE_DATASETS="", GIVLAKE_RETRY_S="30")
    sim.fail(rf"/{sim.serials[1]}/data-points/", status=500, times=1)
    for arguments in (("backfill", "--start", today - 2 * DAY), ("sync",)):
        sim.clear_requests()
        done = owner.givlake(*arguments)
        assert done.status == 0, done.out
        (counted,) = re.findall(r"; ([\d,]+) requests? sent", done.out)
        assert int(counted.replace(",", "")) == len(sim.requests)


@pytest.mark.slow
def test_a_folder_that_others_can_read_is_noted_and_no_damage(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-01")
    owner.data.chmod(0o755)
    note = f"other users can read {owner.data} (mode 0755): run chmod go-rwx {owner.data}"
    for command in ("check", "verify", "doctor"):
        done = owner.givlake(command)
        assert (done.status, done.out.count(note)) == (0, 1), done.out
        assert "damage" not in done.out
    owner.data.chmod(0o700)
    assert "other users" not in owner.givlake("check").out


@pytest.mark.slow
def test_damage_that_is_named_is_never_a_success(simulate, own):
    sim = simulate(inverters=1)
    owner = own(sim)
    owner.givlake("backfill", "--start", "2025-06-01", "--end", "2025-06-03")
    for segment in (owner.data / "archive").rglob("*.parquet"):
        content = bytearray(segment.read_bytes())
        content[len(content) // 2] ^= 0xFF
        segment.chmod(0o600)
        segment.write_bytes(content)
    for command in ("check", "compact"):
        done = owner.givlake(command)
        assert (done.status, bool(lines_of(done.out, "damage"))) == (1, True), done.output


def test_what_0_1_and_2_mean_is_documented(own, simulate):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme.partition("\n## Exit status\n")[2].partition("\n## ")[0]
    assert all(f"\n| {number} | " in section for number in (0, 1, 2))
    said = " ".join(own(simulate(inverters=1)).givlake("--help").out.split())
    assert [said.lower().count(f"exit status {number}: ") for number in (0, 1, 2)] == [1, 1, 1]
