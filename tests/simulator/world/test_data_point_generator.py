"""What data points say: intervals, balance, counters, irregularities; anomalies."""

import datetime as dt
from collections import Counter
from itertools import pairwise

import pytest

from simulator import Simulator, SimulatorConfig
from simulator.world.anomalies import KINDS

HOUSE, GATEWAY = "XA0000G000", "XA0000G002"
DAYS = [dt.date(2024, 5, 1) + dt.timedelta(days=i) for i in range(30)]
ANOMALOUS_DAY = "2024-06-01"


@pytest.fixture(scope="module")
def month():
    """30 days of the first inverter, by day."""
    sim = Simulator(SimulatorConfig(seed=3, empty_day_rate=0))
    return [sim.truth(HOUSE, day) for day in DAYS]


@pytest.fixture(scope="module")
def rows(month):
    return [row for day in month for row in day]


def test_cadence_bursts_and_gaps(month, rows):
    assert 330 <= len(rows) / 30 <= 480
    times = [dt.datetime.fromisoformat(row["time"]) for row in rows]
    steps = Counter(int((b - a).total_seconds()) for a, b in pairwise(times))
    assert sum(steps[s] for s in (306, 307, 308)) > 5000
    assert sum(steps[s] for s in range(10, 16)) > 1000
    assert sum(count for step, count in steps.items() if 600 < step < 640) > 50
    assert max(steps) > 3600


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [290, 810])
def test_rows_per_day_is_the_mean(wanted):
    sim = Simulator(SimulatorConfig(rows_per_day=wanted, empty_day_rate=0))
    days = [dt.date(2023, 11, 1) + dt.timedelta(days=2 * i) for i in range(50)]
    counts = [len(sim.truth(HOUSE, day)) for day in days]
    assert abs(sum(counts) / 50 - wanted) < wanted * 0.15
    assert max(counts) <= 1_800


def test_consumption_is_inverter_less_grid(rows):
    off = [
        abs(
            row["power"]["inverter"]["power"]
            - row["power"]["grid"]["power"]
            - row["power"]["consumption"]["power"]
        )
        for row in rows
    ]
    assert max(off) <= 5


def test_sun_battery_and_its_charge_agree(rows):
    noon = [r for r in rows if 11 <= int(r["time"][11:13]) < 13]
    night = [r for r in rows if int(r["time"][11:13]) >= 22]
    watts = [r["power"]["solar"]["power"] for r in noon if r["power"]["solar"]["power"]]
    assert sum(watts) / len(watts) > 500
    assert {r["power"]["solar"]["power"] for r in night} <= {0, None}
    percents = [
        (b["power"]["battery"]["percent"] - a["power"]["battery"]["percent"])
        * a["power"]["battery"]["power"]
        for a, b in pairwise(rows)
        if all(r["power"]["battery"].get("percent") is not None for r in (a, b))
        and abs(a["power"]["battery"]["power"]) > 300
        and a["today"]["solar"] <= b["today"]["solar"]
    ]
    falling = sum(change < 0 for change in percents)
    assert falling > 500
    assert sum(change > 0 for change in percents) < falling * 0.05


def leaf(row, path):
    for part in path:
        row = row[part]
    return row


COUNTERS = [
    ("solar",),
    ("grid", "import"),
    ("grid", "export"),
    ("battery", "charge"),
    ("battery", "discharge"),
    ("ac_charge",),
]


@pytest.mark.parametrize("path", COUNTERS)
def test_totals_never_fall_and_join_over_midnight(month, rows, path):
    totals = [leaf(row["total"], path) for row in rows]
    assert all(a <= b for a, b in pairwise(totals))
    if path[0] != "battery":
        for day, after in pairwise(month):
            gained = leaf(after[-1]["total"], path) - leaf(day[-1]["total"], path)
            assert gained == pytest.approx(leaf(after[-1]["today"], path), abs=0.4)


@pytest.mark.parametrize("path", COUNTERS)
def test_daily_counters_never_fall_within_a_day_but_for_stragglers(month, path):
    for day in month:
        values = [leaf(row["today"], path) for row in day]
        drops = [i for i, (a, b) in enumerate(pairwise(values)) if b < a]
        assert len(drops) <= 1
        assert all(i <= 2 for i in drops)


def test_yesterdays_counters_straggle_past_some_midnights(month):
    straggling = sum(day[0]["today"]["consumption"] > 2 for day in month)
    assert 1 <= straggling <= 14


def test_consumption_steps_back_by_a_tenth_now_and_then(month):
    for day in month:
        steps = [
            round(b["today"]["consumption"] - a["today"]["consumption"], 1)
            for a, b in pairwise(day[4:])
        ]
        assert min(steps) >= -0.1
    backs = sum(
        round(b["total"]["consumption"] - a["total"]["consumption"], 1) == -0.1
        for day in month
        for a, b in pairwise(day)
    )
    assert 30 <= backs <= 45 * 30


def test_both_battery_totals_are_always_the_same(rows):
    assert all(
        row["total"]["battery"]["charge"] == row["total"]["battery"]["discharge"] for row in rows
    )


@pytest.mark.slow
def test_irregularities_of_recordings_occur(month):
    sim = Simulator(SimulatorConfig(inverters=9, seed=3, rows_per_day=810))
    rows = [row for s in sim.serials for day in DAYS[:8] for row in sim.truth(s, day)]
    twins = [(a, b) for a, b in pairwise(rows) if a["time"] == b["time"]]
    assert sum(a != b for a, b in twins) > 30
    assert sum(a == b for a, b in twins) > 3
    assert {row["status"] for row in rows} >= {"NORMAL", "Normal", "WAITING", "Unknown"}
    assert any(row["power"]["battery"] == {} for row in rows)
    assert any("voltage" in row["power"]["battery"] for row in rows)
    assert any(row["power"]["grid"]["frequency"] is None for row in rows)
    kinds = {type(row["today"]["solar"]) for row in rows}
    assert kinds == {int, float}


def test_a_gateway_never_knows_its_percentage():
    sim = Simulator(SimulatorConfig())
    batteries = [row["power"]["battery"] for row in sim.truth(GATEWAY, ANOMALOUS_DAY)]
    assert {battery.get("percent") for battery in batteries} == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_anomalies_are_where_they_are_reported(kind):
    plain = Simulator(SimulatorConfig()).truth(HOUSE, ANOMALOUS_DAY)
    sim = Simulator(SimulatorConfig(anomalies={kind: 0.1}))
    rows, planted = sim.truth(HOUSE, ANOMALOUS_DAY), sim.anomalous_rows(HOUSE, ANOMALOUS_DAY)
    assert 10 < len(planted) < 90
    assert {entry["kind"] for entry in planted} == {kind}
    if kind == "duplicate_row":
        assert len(rows) == len(plain) + len(planted)
        assert all(rows[e["position"]] == rows[e["position"] + 1] for e in planted)
    elif kind == "out_of_order":
        assert rows != plain
        assert sorted(r["time"] for r in rows) == [r["time"] for r in plain]
    else:
        spoilt = [i for i, (a, b) in enumerate(zip(rows, plain, strict=True)) if a != b]
        assert spoilt == [entry["position"] for entry in planted]
        times = [int(dt.datetime.fromisoformat(plain[i]["time"]).timestamp()) for i in spoilt]
        assert times == [entry["time_s"] for entry in planted]


def test_odd_content_mixes_and_is_served(ask):
    with Simulator(SimulatorConfig(anomalies=dict.fromkeys(KINDS, 0.02))) as sim:
        body = ask(sim, f"/inverter/{HOUSE}/data-points/{ANOMALOUS_DAY}?pageSize=100000").json()
        assert body["data"] == sim.truth(HOUSE, ANOMALOUS_DAY)
        assert len({entry["kind"] for entry in sim.anomalous_rows(HOUSE, ANOMALOUS_DAY)}) > 8
