"""Energy flows: groupings, labels, what is missing or revised, and that they add up."""

import datetime as dt
import time
from zoneinfo import ZoneInfo

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.simulator.recorded_samples import ABSENT, leaves, sample

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
SERIAL = "XA0000G000"
LONDON = ZoneInfo("Europe/London")


def config(**settings):
    plain = {"empty_day_rate": 0, "flow_gap_rate": 0, "clock": NOW}
    return SimulatorConfig(**{**plain, "commissioned": dt.date(2022, 5, 10), **settings})


@pytest.fixture(scope="module")
def sim():
    with Simulator(config(rate_limit=10_000)) as simulator:
        yield simulator


def flows(sim, start, end, grouping=0, **rest):
    return sim.truth_of(
        "energy-flows", SERIAL, start_time=start, end_time=end, grouping=grouping, **rest
    )


def post(ask, sim, body, **rest):
    return ask(sim, f"/inverter/{SERIAL}/energy-flows", "POST", json=body, **rest)


def flow_request(start="2024-07-03", end="2024-07-05", grouping=0, **rest):
    return {"start_time": start, "end_time": end, "grouping": grouping, **rest}


def test_two_days_are_97_half_hours_keyed_by_number(sim, ask):
    body = post(ask, sim, flow_request()).json()
    assert list(body) == ["data"]
    assert list(body["data"]) == [str(i) for i in range(97)]
    rows = list(body["data"].values())
    assert rows == flows(sim, "2024-07-03", "2024-07-05")
    assert (rows[0]["start_time"], rows[0]["end_time"]) == ("2024-07-03 00:00", "2024-07-03 00:30")
    assert rows[-1]["start_time"] == "2024-07-05 00:00"
    assert all(list(row["data"]) == list("0123456") for row in rows)
    assert sim.commands_received == 0


def test_a_time_of_the_day_is_a_bound_as_well(sim, ask):
    body = post(ask, sim, flow_request("2024-07-03 10:10", "2024-07-03 11:30")).json()
    starts = [row["start_time"] for row in body["data"].values()]
    assert starts == ["2024-07-03 10:30", "2024-07-03 11:00", "2024-07-03 11:30"]


def test_only_the_types_requested(sim, ask):
    rows = post(ask, sim, flow_request(types=[5, 0])).json()["data"].values()
    everything = flows(sim, "2024-07-03", "2024-07-05")
    assert [row["data"] for row in rows] == [
        {"5": row["data"]["5"], "0": row["data"]["0"]} for row in everything
    ]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"start_time": None}, ["start_time"]),
        ({"start_time": "2024-02-30"}, ["start_time"]),
        ({"start_time": "2024-07-03T00:00:00Z"}, ["start_time"]),
        ({"end_time": "2024-07-02"}, ["end_time"]),
        ({"end_time": 20240705}, ["end_time"]),
        ({"grouping": 5}, ["grouping"]),
        ({"grouping": "0"}, ["grouping"]),
        ({"grouping": True}, ["grouping"]),
        ({"types": "0,1"}, ["types"]),
        ({"types": [0, 7, "1"]}, ["types.1", "types.2"]),
    ],
)
def test_wrong_fields_are_422(sim, ask, change, fields):
    answer = post(ask, sim, {**flow_request(), **change})
    assert answer.status_code == 422
    assert answer.json()["message"] == "The given data was invalid."
    assert list(answer.json()["errors"]) == fields
    assert all(isinstance(texts, list) for texts in answer.json()["errors"].values())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"start_time=2024-07-03"])
def test_a_body_that_is_no_object_lacks_all_fields(sim, ask, body):
    answer = ask(sim, f"/inverter/{SERIAL}/energy-flows", "POST", data=body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["start_time", "end_time", "grouping"]


def test_parameters_in_the_query_do_not_count(sim, ask):
    answer = ask(sim, f"/inverter/{SERIAL}/energy-flows", "POST", params=flow_request())
    assert answer.status_code == 422


def test_scope_account_and_device(ask):
    tokens = (
        TokenGrant("all"),
        TokenGrant("reader", scopes=frozenset({"api:inverter:read"})),
        TokenGrant("other", account=2),
    )
    with Simulator(config(tokens=tokens, gone=1, ems=1)) as sim:
        assert post(ask, sim, flow_request(), token="reader").status_code == 403
        assert post(ask, sim, flow_request(), token="other").status_code == 403
        assert ask(sim, f"/inverter/{SERIAL}/energy-flows").status_code == 405
        gone = next(device.serial for device in sim.devices if device.gone)
        for serial in ("XX", gone, sim.ems_serials[0]):
            answer = ask(sim, f"/inverter/{serial}/energy-flows", "POST", json=flow_request())
            assert answer.status_code == 404


def test_as_an_array_and_empty_in_both_shapes(ask):
    before = flow_request("2001-01-01", "2001-01-02")
    with Simulator(config(flows_as="array")) as sim:
        assert post(ask, sim, flow_request()).json() == {
            "data": flows(sim, "2024-07-03", "2024-07-05")
        }
        assert post(ask, sim, before).json() == {"data": []}
    with Simulator(config()) as sim:
        assert post(ask, sim, before).json() == {"data": {}}
        assert post(ask, sim, flow_request("2030-01-01", "2030-01-02")).json() == {"data": {}}


@pytest.mark.parametrize("grouping", range(5))
def test_nothing_before_commissioning_in_any_grouping(sim, grouping):
    assert flows(sim, "2020-01-01", "2021-12-31", grouping) == []
    assert flows(sim, "2020-01-01", "2022-05-10")[0]["start_time"] == "2022-05-10 00:00"


def test_keys_sorted_as_text_as_an_anomaly(ask):
    with Simulator(config(anomalies={"flow_keys_unsorted": 1})) as sim:
        data = post(ask, sim, flow_request()).json()["data"]
        assert list(data)[:4] == ["0", "1", "10", "11"]
        rows = [data[str(i)] for i in range(97)]
        assert rows == flows(sim, "2024-07-03", "2024-07-05")


def test_a_range_that_is_too_long_is_422(ask):
    with Simulator(config(flows_max_days=2)) as sim:
        assert post(ask, sim, flow_request()).status_code == 200
        answer = post(ask, sim, flow_request(end="2024-07-05 00:30"))
        assert answer.status_code == 422
        assert list(answer.json()["errors"]) == ["end_time"]


def test_numbers_look_as_recorded(sim):
    rows = flows(sim, "2024-01-01", "2024-06-30")
    values = [value for row in rows for value in row["data"].values()]
    assert min(values) == 0
    assert all(isinstance(v, int) for v in values if v == int(v))
    nothing = [v for v in values if 0 < v < 1e-12]
    tails = [v for v in values if v > 0.005 and round(v, 2) != v]
    assert len(nothing) > 100
    assert len(tails) > 500
    assert all(abs(v - round(v, 2)) < 1e-11 for v in tails)


def test_spring_day_lacks_two_labels_and_autumn_day_has_two_twice(sim):
    spring = [row["start_time"][11:] for row in flows(sim, "2024-03-31", "2024-03-31 23:30")]
    assert len(spring) == 46
    assert spring[:4] == ["00:00", "00:30", "02:00", "02:30"]
    autumn = [row["start_time"][11:] for row in flows(sim, "2023-10-29", "2023-10-29 23:30")]
    assert len(autumn) == 50
    assert autumn[2:8] == ["01:00", "01:30", "01:00", "01:30", "02:00", "02:30"]
    twice = flows(sim, "2023-10-29 01:00", "2023-10-29 01:30")
    assert len(twice) == 4
    assert [row["data"] for row in twice[:2]] != [row["data"] for row in twice[2:]]


def clocked(moment, **settings):
    return Simulator(config(clock=moment, **settings))


def newest(moment):
    sim = clocked(moment)
    day = moment.astimezone(LONDON).date()
    return flows(sim, str(day), str(day + dt.timedelta(days=1)))[-1]["end_time"]


def test_the_newest_hour_is_missing_in_summer_time_only():
    assert newest(dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)) == "2024-07-10 12:00"
    assert newest(dt.datetime(2024, 7, 10, 12, 30, tzinfo=dt.UTC)) == "2024-07-10 12:30"
    assert newest(dt.datetime(2024, 1, 10, 12, 10, tzinfo=dt.UTC)) == "2024-01-10 12:00"


def test_a_half_hour_appears_when_it_is_over():
    sim = clocked(dt.datetime(2024, 1, 10, 12, 29, 59, tzinfo=dt.UTC))
    assert len(flows(sim, "2024-01-10", "2024-01-11")) == 24
    sim.set_clock(dt.datetime(2024, 1, 10, 12, 30, tzinfo=dt.UTC))
    assert len(flows(sim, "2024-01-10", "2024-01-11")) == 25


def test_new_half_hours_are_revised_upwards_within_two_days():
    sim = clocked(dt.datetime(2024, 7, 10, 0, 0, tzinfo=dt.UTC))
    early = flows(sim, "2024-07-09", "2024-07-09 22:00")
    assert early == flows(sim, "2024-07-09", "2024-07-09 22:00")
    sim.set_clock(dt.datetime(2024, 7, 10, 6, 0, tzinfo=dt.UTC))
    later = flows(sim, "2024-07-09", "2024-07-09 22:00")
    sim.set_clock(dt.datetime(2024, 7, 12, 0, 0, tzinfo=dt.UTC))
    final = flows(sim, "2024-07-09", "2024-07-09 22:00")
    sim.set_clock(dt.datetime(2025, 7, 12, 0, 0, tzinfo=dt.UTC))
    assert final == flows(sim, "2024-07-09", "2024-07-09 22:00")
    revised = [i for i in range(45) if early[i] != final[i]]
    still = [i for i in range(45) if later[i] != final[i]]
    assert 3 <= len(revised) <= 20
    assert 1 <= len(still) < len(revised)
    for i in revised:
        for code in "0123456":
            was, became = early[i]["data"][code], final[i]["data"][code]
            assert was <= became + 1e-9
        assert sum(early[i]["data"].values()) < sum(final[i]["data"].values())


@pytest.mark.parametrize("day", ["2024-06-05", "2024-01-10", "2024-03-31", "2023-10-29"])
def test_flows_add_up_to_the_days_counters(sim, day):
    rows = flows(sim, day, f"{day} 23:30")
    kwh = [sum(row["data"][code] for row in rows) for code in "0123456"]
    today = sim.truth(SERIAL, day)[-1]["today"]
    used = {
        "solar": kwh[0] + kwh[1] + kwh[2],
        "import": kwh[3] + kwh[4],
        "export": kwh[2] + kwh[6],
        "charge": kwh[1] + kwh[4],
        "discharge": kwh[5] + kwh[6],
    }
    counted = {"solar": today["solar"], **today["grid"], **today["battery"]}
    for name, value in used.items():
        assert value == pytest.approx(counted[name], abs=0.25), name
    losses = kwh[0] + kwh[3] + kwh[5] - today["consumption"]
    assert 0.5 < losses < 2


def test_flows_follow_the_totals_over_a_month(sim):
    days = (dt.date(2024, 5, 1), dt.date(2024, 6, 1))
    before, after = (sim.truth(SERIAL, day - dt.timedelta(days=1))[-1]["total"] for day in days)
    (row,) = flows(sim, "2024-05-01", "2024-05-01", 2)
    kwh = row["data"]
    gained = after["solar"] - before["solar"]
    assert kwh["0"] + kwh["1"] + kwh["2"] == pytest.approx(gained, abs=0.3)
    gained = after["grid"]["import"] - before["grid"]["import"]
    assert kwh["3"] + kwh["4"] == pytest.approx(gained, abs=0.3)


def test_daily_is_the_sum_of_half_hours_digit_by_digit(sim, ask):
    rows = list(post(ask, sim, flow_request("2024-06-01", "2024-07-11", 1)).json()["data"].values())
    assert len(rows) == 40  # the last is today
    assert (rows[0]["start_time"], rows[0]["end_time"]) == ("2024-06-01 00:00", "2024-06-02 00:00")
    for row in rows:
        day = row["start_time"][:10]
        sums = dict.fromkeys("0123456", 0)
        for half_hour in flows(sim, day, f"{day} 23:30"):
            for code, value in half_hour["data"].items():
                sums[code] += value
        assert row["data"] == sums


def test_months_years_and_the_whole(sim):
    months = flows(sim, "2022-05-10", "2024-07-10", 2)
    assert [row["start_time"] for row in months[:2]] == ["2022-05-01 00:00", "2022-06-01 00:00"]
    assert (len(months), months[-1]["end_time"]) == (27, "2024-08-01 00:00")
    years = flows(sim, "2022-05-10", "2024-07-10", 3)
    assert [row["start_time"] for row in years] == [f"{y}-01-01 00:00" for y in (2022, 2023, 2024)]
    (total,) = flows(sim, "2022-05-10", "2024-07-10 23:30", 4)
    assert (total["start_time"], total["end_time"]) == ("2022-05-10 00:00", "2024-07-10 23:30")
    for code in "0123456":
        by_day = sum(r["data"][code] for r in flows(sim, "2022-05-10", "2024-07-10", 1))
        assert sum(r["data"][code] for r in months) == pytest.approx(by_day)
        assert sum(r["data"][code] for r in years) == pytest.approx(by_day)
        assert total["data"][code] == pytest.approx(by_day)


def test_the_whole_is_cut_at_its_ends(sim):
    (total,) = flows(sim, "2024-06-01 10:00", "2024-06-03 09:30", 4)
    rows = flows(sim, "2024-06-01 10:00", "2024-06-03 09:30")
    assert len(rows) == 96
    for code in "0123456":
        assert total["data"][code] == pytest.approx(sum(row["data"][code] for row in rows))


@pytest.mark.parametrize("grouping", range(5))
def test_the_ends_of_the_calendar_are_as_good_as_any(sim, grouping):
    everything = flows(sim, "0001-01-01", "9999-12-31 23:59", grouping)
    assert everything[-1]["data"].keys() == set("0123456")
    assert flows(sim, "9999-12-30", "9999-12-31", grouping) == []


def test_half_hours_can_be_missing_for_good():
    sim = Simulator(config(flow_gap_rate=0.1))
    rows = flows(sim, "2024-06-01", "2024-06-30 23:30")
    assert 1200 < len(rows) < 1440 - 80
    (day,) = flows(sim, "2024-06-01", "2024-06-01", 1)
    present = [row for row in rows if row["start_time"].startswith("2024-06-01")]
    assert day["data"]["3"] == pytest.approx(sum(row["data"]["3"] for row in present))


def test_a_day_offline_has_no_flows():
    sim = Simulator(config(empty_day_rate=0.2))
    days = [str(dt.date(2024, 5, 1) + dt.timedelta(days=i)) for i in range(30)]
    offline = [day for day in days if not sim.truth(SERIAL, day)]
    assert offline
    daily = [row["start_time"][:10] for row in flows(sim, days[0], days[-1], 1)]
    assert daily == [day for day in days if day not in offline]
    assert all(flows(sim, day, f"{day} 23:30") == [] for day in offline)


def test_rows_put_in_place_are_filtered_and_grouped(ask):
    def row(start, end, **kwh):
        return {"start_time": start, "end_time": end, "data": kwh}

    rows = [
        row("2024-07-03 23:30", "2024-07-04 00:00", **{"0": 1, "3": None}),
        row("2024-07-04 00:00", "2024-07-04 00:30", **{"0": 0.25, "3": 2}),
        row("2024-07-05 00:00", "2024-07-05 00:30", **{"0": "9"}),
    ]
    with Simulator(config()) as sim:
        sim.set_listing("energy-flows", SERIAL, rows)
        data = post(ask, sim, flow_request("2024-07-03", "2024-07-04")).json()["data"]
        assert data == {"0": rows[0], "1": rows[1]}
        only = post(ask, sim, flow_request("2024-07-04", "2024-07-04", types=[3])).json()["data"]
        assert only["0"]["data"] == {"3": 2}
        total = post(ask, sim, flow_request("2024-07-03", "2024-07-05", 4, types=[0, 3])).json()[
            "data"
        ]
        assert total["0"]["data"] == {"0": 1.25, "3": 2}
        assert len(sim.truth_of("energy-flows", sim.serials[1], **flow_request())) == 97
        sim.set_listing("energy-flows", SERIAL, None)
        assert len(post(ask, sim, flow_request()).json()["data"]) == 97


def test_unavailable_is_404(ask):
    with Simulator(config(unavailable=frozenset({"energy-flows"}))) as sim:
        assert post(ask, sim, flow_request()).status_code == 404
        assert ask(sim, f"/inverter/{SERIAL}/system-data/latest").status_code == 200


def test_an_unknown_device_or_listing_is_named():
    sim = Simulator(config())
    with pytest.raises(KeyError, match="XX"):
        sim.truth_of("energy-flows", "XX", **flow_request())
    with pytest.raises(KeyError, match="Unknown listing 'flows'"):
        sim.set_listing("flows", SERIAL, [])


def test_years_of_flows_are_quick(sim):
    began = time.process_time()
    rows = flows(sim, "2022-05-10", "2024-07-10", 4)
    assert len(rows) == 1
    assert time.process_time() - began < 2


@ABSENT
@pytest.mark.parametrize(
    ("name", "grouping"), [("half_hourly_2024-07-03", 0), ("daily_2023-10-18", 1)]
)
def test_same_leaves_and_types_as_recorded(sim, ask, name, grouping):
    recorded = sample(f"energy_flows_{name}.json")
    rows = list(recorded["data"].values())
    types = [int(code) for code in rows[0]["data"]]
    first, last = rows[0]["start_time"], rows[-1]["start_time"]
    body = post(ask, sim, flow_request(first, last, grouping, types=types)).json()
    assert list(body) == list(recorded) == ["data"]
    assert list(body["data"]) == list(recorded["data"])
    ours = list(body["data"].values())
    assert leaves(ours) == leaves(rows)
    assert [row["start_time"] for row in ours] == [row["start_time"] for row in rows]
    assert [row["end_time"] for row in ours] == [row["end_time"] for row in rows]
