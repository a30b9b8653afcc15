"""Events: newest first, open until their end has passed, and what ``cleared`` may mean."""

import datetime as dt
from itertools import pairwise

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.simulator.recorded_samples import ABSENT, leaves, sample

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
SERIAL = "XA0000G000"
PATH = f"/inverter/{SERIAL}/events"


def config(**settings):
    return SimulatorConfig(
        **{
            "clock": NOW,
            "commissioned": dt.date(2022, 5, 10),
            "rate_limit": 10_000,
            **settings,
        }
    )


@pytest.fixture(scope="module")
def sim():
    with Simulator(config()) as simulator:
        yield simulator


def events(sim, **filters):
    return sim.truth_of("events", SERIAL, **filters)


def row(name, start, end):
    return {"event": name, "start_time": start, "end_time": end}


def test_pages_newest_first_add_up(sim, ask):
    everything = events(sim, cleared=1)
    first = ask(sim, PATH, params={"cleared": 1}).json()
    assert first["data"] == everything[:15]
    assert first["meta"]["total"] == len(everything) > 40
    assert first["links"]["next"].endswith("/events?page=2")
    rows = []
    for page in range(1, 10):
        query = {"cleared": 1, "pageSize": 10, "page": page}
        rows += ask(sim, PATH, params=query).json()["data"]
    assert rows == everything[:90]
    starts = [event["start_time"] for event in everything]
    assert starts == sorted(starts, reverse=True)
    assert starts[-1] >= "2022-05-10"
    assert starts[0] <= "2024-07-10T12:10:00Z"


def test_page_size_is_capped(ask):
    with Simulator(config(page_size_caps={"events": 20})) as sim:
        body = ask(sim, PATH, params={"cleared": 1, "pageSize": 5000}).json()
        assert (len(body["data"]), body["meta"]["per_page"]) == (20, 20)


def test_two_events_can_share_a_start(sim):
    rows = events(sim, cleared=1)
    twins = [(a, b) for a, b in pairwise(rows) if a["start_time"] == b["start_time"]]
    assert len(twins) > 5
    assert all(a["event"] != b["event"] for a, b in twins)


def test_an_open_event_closes_when_its_end_has_passed():
    sim = Simulator(config())
    long = next(
        event
        for event in events(sim, cleared=1)
        if event["end_time"] and event["end_time"][:10] > event["start_time"][:10]
    )
    start = dt.datetime.fromisoformat(long["start_time"])
    end = dt.datetime.fromisoformat(long["end_time"])
    sim.set_clock(start - dt.timedelta(seconds=1))
    assert long["start_time"] not in [event["start_time"] for event in events(sim, cleared=1)]
    sim.set_clock(end - dt.timedelta(seconds=1))
    assert {**long, "end_time": None} in events(sim)
    sim.set_clock(end)
    assert long not in events(sim)
    assert long in events(sim, cleared=1)


def test_lengths_from_minutes_to_weeks():
    sim = Simulator(config(inverters=8))
    lengths = [
        dt.datetime.fromisoformat(event["end_time"])
        - dt.datetime.fromisoformat(event["start_time"])
        for serial in sim.serials
        for event in sim.truth_of("events", serial, cleared=1)
        if event["end_time"]
    ]
    assert min(lengths) < dt.timedelta(hours=1)
    assert max(lengths) > dt.timedelta(days=30)
    assert sum(length < dt.timedelta(hours=2) for length in lengths) > len(lengths) / 2


GIVEN = [
    row("C", "2024-07-03T00:00:00Z", None),
    row("B", "2024-07-02T10:00:00Z", "2024-07-02T11:00:00Z"),
    row("A", "2024-07-01T00:00:00Z", None),
]


@pytest.mark.parametrize(
    ("meaning", "cleared", "names"),
    [
        ("adds", None, "CA"),
        ("adds", "", "CA"),
        ("adds", "0", "CA"),
        ("adds", "1", "CBA"),
        ("filters", None, "CA"),
        ("filters", "1", "B"),
        ("ignored", None, "CBA"),
        ("ignored", "1", "CBA"),
    ],
)
def test_meanings_of_cleared(ask, meaning, cleared, names):
    with Simulator(config(events_cleared_means=meaning)) as sim:
        sim.set_listing("events", SERIAL, GIVEN)
        body = ask(sim, PATH, params={} if cleared is None else {"cleared": cleared}).json()
        assert "".join(event["event"] for event in body["data"]) == names
        assert body["meta"]["total"] == len(names)


@pytest.mark.parametrize(
    ("start", "end", "names"),
    [
        ("2024-07-02", "", "CB"),
        ("", "2024-07-02", "A"),
        ("2024-07-01", "2024-07-03", "CBA"),
        ("2024-07-02T10:00:00Z", "2024-07-02T10:00:00Z", "B"),
        ("2024-07-04", "", ""),
    ],
)
def test_range_of_starts(ask, start, end, names):
    with Simulator(config()) as sim:
        sim.set_listing("events", SERIAL, GIVEN)
        body = ask(sim, PATH, params={"start": start, "end": end, "cleared": 1}).json()
        assert "".join(event["event"] for event in body["data"]) == names


def test_the_next_link_drops_the_filters(sim, ask):
    query = {"cleared": 1, "start": "2023-01-01", "pageSize": 5}
    link = ask(sim, PATH, params=query).json()["links"]["next"]
    assert link == f"{sim.base_url}{PATH}?page=2"
    followed = ask(sim, f"{PATH}?page=2").json()
    assert followed["meta"]["per_page"] == 15
    assert followed["meta"]["total"] == len(events(sim))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cleared": "true"}, "cleared"),
        ({"cleared": "2"}, "cleared"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2024-02-30"}, "start"),
        ({"end": "2024-07-01 10:00"}, "end"),
        ({"start": "2024-07-02", "end": "2024-07-01"}, "end"),
        ({"page": "0"}, "page"),
    ],
)
def test_wrong_parameters_are_422(sim, ask, query, field):
    answer = ask(sim, PATH, params=query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_the_list_shifts_while_it_is_paged(ask):
    with Simulator(config(shift_after={"events": 1})) as sim:
        before = events(sim, cleared=1)
        query = {"cleared": 1, "pageSize": 10}
        first = ask(sim, PATH, params=query).json()
        second = ask(sim, PATH, params={**query, "page": 2}).json()
        assert first["data"] == before[:10]
        assert second["data"] == before[9:19]
        after = events(sim, cleared=1)
        assert after[1:] == before
        assert after[0]["start_time"] == "2024-07-10T12:10:00Z"
        assert events(sim)[0] == after[0]
        assert after[0]["end_time"] is None


def test_access(ask):
    tokens = (
        TokenGrant("all"),
        TokenGrant("reader", scopes=frozenset({"api:inverter:read"})),
        TokenGrant("other", account=2),
    )
    with Simulator(config(tokens=tokens, unavailable=frozenset({"presets"}))) as sim:
        assert ask(sim, PATH, token="reader").status_code == 403
        assert ask(sim, PATH, token="other").status_code == 403
        assert ask(sim, "/inverter/XX/events").status_code == 404


@ABSENT
def test_same_leaves_and_types_as_recorded(sim, ask):
    recorded = sample("inverter_events.json")
    closed = [event for event in events(sim, cleared=1) if event["end_time"]]
    with Simulator(config()) as served:
        served.set_listing("events", SERIAL, closed[:4])
        shown = ask(served, PATH, params={"cleared": 1}).json()
    assert leaves(shown) == leaves(recorded)
    assert leaves(closed) == leaves(recorded["data"])
