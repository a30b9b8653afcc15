"""Lists that grow while they are read: nothing is lost, and few requests are made twice."""

import datetime as dt
import json
import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from givenergy.endpoints.charger_endpoints import EV_CHARGING_SESSIONS
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICE_DATA
from givenergy.envelope import read_envelope
from givenergy.models import Page
from givenergy.pagination import MAX_PASSES, read_pages

NOW = dt.datetime(2025, 6, 3, 12, tzinfo=dt.UTC)


@dataclass
class ShiftingList:
    """A list on a server; before each answer but the first of a walk, things happen to it.

    A happening is a list of places where a row is inserted (0 is the front); a negative place
    removes the row there instead.
    """

    rows: list[int]
    size: int
    happenings: list[list[int]]
    asked: list[int] = field(default_factory=list)
    began: list[int] = field(default_factory=list)
    added: int = 0

    def page(self, number):
        if self.asked and number > 1 and self.happenings:
            for place in self.happenings.pop(0):
                if place < 0:
                    del self.rows[place % len(self.rows) : place % len(self.rows) + 1]
                else:
                    self.added += 1
                    self.rows.insert(min(place, len(self.rows)), 10_000 + self.added)
        if number == 1:
            self.began = list(self.rows)
        self.asked.append(number)
        shown = self.rows[(number - 1) * self.size : number * self.size]
        last = max(1, math.ceil(len(self.rows) / self.size))
        meta = {"total": len(self.rows), "last_page": last, "per_page": self.size}
        body = json.dumps({"data": shown, "meta": meta}).encode()
        page = Page(number, body, len(shown), 200, NOW, NOW, 0.0, 1, {}, "/list", None)
        return page, read_envelope(body)


def held(pages):
    return [row for page in pages for row in json.loads(page.body)["data"]]


sizes = st.integers(1, 7)
counts = st.integers(0, 40)


@given(count=counts, size=sizes, data=st.data())
def test_growth_at_the_front_costs_no_second_walk_and_loses_nothing(count, size, data):
    growths = data.draw(st.lists(st.integers(0, size), max_size=30))
    # Growth as fast as the reading would never end.
    growths = [growth if i % 3 == 0 else 0 for i, growth in enumerate(growths)]
    server = ShiftingList(list(range(count)), size, [[0] * growth for growth in growths])
    walked = read_pages(server.page, newest_first=True)
    assert walked.missing is None
    assert set(range(count)) <= set(held(walked.pages))
    assert server.asked == list(range(1, len(walked.pages) + 1))
    assert len(server.asked) == max(1, math.ceil(len(server.rows) / size))


@given(
    count=st.integers(1, 40),
    size=sizes,
    happenings=st.lists(st.lists(st.integers(0, 45), max_size=3), max_size=40),
    newest_first=st.booleans(),
)
def test_rows_added_anywhere_never_lose_one_in_silence(count, size, happenings, newest_first):
    server = ShiftingList(list(range(count)), size, happenings)
    walked = read_pages(server.page, newest_first=newest_first)
    if walked.missing is None:
        assert set(server.began) <= set(held(walked.pages))


@given(
    count=st.integers(1, 40),
    size=sizes,
    at=st.integers(0, 8),
    place=st.integers(-40, -1),
    newest_first=st.booleans(),
)
def test_a_removed_row_hides_no_other(count, size, at, place, newest_first):
    happenings = [*([[]] * at), [place]]
    server = ShiftingList(list(range(count)), size, happenings)
    walked = read_pages(server.page, newest_first=newest_first)
    assert walked.missing is None
    assert set(server.rows) <= set(held(walked.pages))
    assert len(server.asked) <= 2 * math.ceil(count / size)


@given(
    count=st.integers(1, 40),
    size=sizes,
    known=st.integers(0, 39),
    growths=st.lists(st.integers(0, 1), max_size=40),
)
def test_reading_until_a_known_row_brings_all_newer_ones(count, size, known, growths):
    server = ShiftingList(list(range(count)), size, [[0] * growth for growth in growths])
    walked = read_pages(
        server.page, newest_first=True, stop_after=lambda page: known in held([page])
    )
    assert walked.missing is None
    newer = range(min(known + 1, count))
    assert set(newer) <= set(held(walked.pages))
    if size > 1 and known < count and not any(growths):
        assert len(server.asked) == known // size + 1


@given(
    count=st.integers(2, 40),
    size=sizes,
    happenings=st.lists(
        st.tuples(st.integers(-40, -1), st.lists(st.integers(0, 45), min_size=2, max_size=4)).map(
            lambda mixed: [mixed[0], *mixed[1]]
        ),
        max_size=40,
    ),
)
def test_growth_that_hides_a_removal_loses_nothing_in_silence(count, size, happenings):
    server = ShiftingList(list(range(count)), size, happenings)
    walked = read_pages(server.page, newest_first=True)
    if walked.missing is None:
        assert set(server.began) & set(server.rows) <= set(held(walked.pages))


def test_a_list_that_changes_under_every_walk_is_incomplete_and_says_so():
    server = ShiftingList(list(range(6)), 2, [[3]] * 40)
    walked = read_pages(server.page, newest_first=True)
    assert walked.missing == "The list changed while it was being read."
    assert server.asked.count(1) == MAX_PASSES


def test_a_row_that_changes_while_the_list_grows_is_read_again():
    """An event that is closed between two pages looks like another row: better safe."""
    server = ShiftingList([1, 2, 3, 4, 5], 2, [])
    asked = server.page

    def page(number):
        if number == 2 and not server.asked.count(2):
            server.rows[:] = [0, 1, -2, 3, 4, 5]
        return asked(number)

    walked = read_pages(page, newest_first=True)
    assert walked.missing is None
    assert held(walked.pages) == [0, 1, -2, 3, 4, 5]
    assert server.asked == [1, 2, 3, 1, 2, 3]


@pytest.fixture
def growing(simulate):
    """A smart device with a reading every five minutes, and five minutes from page to page."""
    return simulate(
        smart_devices=1,
        smart_points_every_s=300,
        clock_step_s=300.0,
        clock=NOW,
        commissioned=dt.date(2025, 6, 1),
        rate_limit=100_000,
        page_size_caps={"smart-device-data": 50},
    )


def test_a_device_that_reports_while_it_is_read_is_whole_at_once(growing, open_client):
    (uuid,) = growing.smart_device_uuids
    before = growing.truth_of("smart-device-data", uuid)
    growing.clear_requests()
    fetched = open_client(growing).fetch(SMART_DEVICE_DATA, path={"device": uuid})
    assert fetched.complete
    received = held(fetched.pages)
    assert {row["time"] for row in before} <= {row["time"] for row in received}
    total = json.loads(fetched.pages[-1].body)["meta"]["total"]
    assert len(received) == total > len(before)
    assert len(growing.requests) == len(fetched.pages) == math.ceil(total / 50)


def test_reading_ends_where_rows_are_known(growing, open_client):
    (uuid,) = growing.smart_device_uuids
    known = growing.truth_of("smart-device-data", uuid)[70]["time"]
    growing.clear_requests()
    fetched = open_client(growing).fetch(
        SMART_DEVICE_DATA,
        path={"device": uuid},
        stop_after=lambda page: any(row["time"] <= known for row in held([page])),
    )
    assert fetched.complete
    assert len(growing.requests) == len(fetched.pages) == 2


def test_a_list_of_unknown_order_cannot_be_read_in_part(growing, open_client):
    with pytest.raises(ValueError, match="no known order: it can only be read completely"):
        open_client(growing).fetch(
            EV_CHARGING_SESSIONS, path={"charger": "x"}, stop_after=lambda page: True
        )


def test_a_single_page_says_how_many_there_are(simulate, open_client):
    sim = simulate(inverters=0, smart_devices=1, clock=NOW, page_size_caps={"smart-device-data": 5})
    path = {"device": sim.smart_device_uuids[0]}
    client = open_client(sim)
    seen = []
    (first,) = client.fetch(SMART_DEVICE_DATA, path=path, only_page=1).pages
    (second,) = client.fetch(SMART_DEVICE_DATA, path=path, only_page=2, on_page=seen.append).pages
    rows = len(sim.truth_of("smart-device-data", path["device"]))
    assert (first.number, first.page_count) == (1, math.ceil(rows / 5))
    assert second.number == 2
    assert seen == [second]
    assert len(sim.requests) == 2
