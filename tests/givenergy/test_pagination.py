"""Lists over several pages: whole, nothing twice, and honest when they are not."""

import json
from collections import Counter

import pytest

from givenergy.endpoints.account_endpoints import COMMUNICATION_DEVICES
from givenergy.errors import RequestRefusedError
from givenergy.retry import NO_RETRY


def serials(fetched):
    return [d["serial_number"] for p in fetched.pages for d in json.loads(p.body)["data"]]


def pages_asked(sim):
    return [(r.query["page"], r.query["pageSize"]) for r in sim.requests]


def test_pages_are_walked_with_constant_parameters(simulate, open_client):
    sim = simulate(inverters=7, page_size_caps={"communication-device": 3})
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert fetched.complete
    assert pages_asked(sim) == [("1", "1000"), ("2", "1000"), ("3", "1000")]
    assert [page.rows for page in fetched.pages] == [3, 3, 1]
    assert serials(fetched) == [d.datalog for d in sim.devices]


def test_links_are_never_followed(simulate, open_client):
    sim = simulate(
        inverters=4,
        page_size_caps={"communication-device": 2},
        links_base="http://127.0.0.1:9/elsewhere",
    )
    assert len(serials(open_client(sim).fetch(COMMUNICATION_DEVICES))) == 4


def test_a_list_that_shifts_while_paging_is_read_again(simulate, open_client):
    sim = simulate(
        inverters=6,
        page_size_caps={"communication-device": 3},
        shift_after={"communication-device": 1},
    )
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert fetched.complete
    assert len(sim.devices) == 7
    assert Counter(serials(fetched)) == Counter(d.datalog for d in sim.devices)


def page(rows, *, number=1, last=1, total=None, per_page=2):
    meta = {"current_page": number, "last_page": last, "per_page": per_page, "total": total}
    return json.dumps({"data": [{"row": row} for row in rows], "meta": meta}).encode()


def test_a_count_that_never_fits_is_incomplete_and_says_so(simulate, open_client):
    sim = simulate()
    sim.override(r"/communication-device", page([1, 2], total=3))
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert not fetched.complete
    assert fetched.missing == "2 rows received, but the API reports 3."
    assert [p.rows for p in fetched.pages] == [2]
    assert len(sim.requests) == 4


def test_a_row_at_both_sides_of_a_page_break_is_looked_at_twice(simulate, open_client):
    """Rows may be alike; only a second walk that differs shows that the list moved."""
    sim = simulate()
    sim.override(r"page=2\b", page([2, 3], number=2, last=2, total=4))
    sim.override(r"page=1\b", page([1, 2], last=2, total=4))
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert fetched.complete
    assert [p.number for p in fetched.pages] == [1, 2]
    assert len(sim.requests) == 4


def test_without_meta_an_empty_page_is_the_end(simulate, open_client):
    sim = simulate()
    sim.override(r"page=3\b", b'{"data": []}')
    sim.override(r"page=2\b", b'{"data": [{"row": 3}]}')
    sim.override(r"page=1\b", b'{"data": [{"row": 1}, {"row": 2}]}')
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert (fetched.complete, [p.rows for p in fetched.pages]) == (True, [2, 1])


def test_without_meta_a_server_that_ignores_the_page_is_noticed(simulate, open_client):
    sim = simulate()
    sim.override(r"/communication-device", b'{"data": [{"row": 1}, {"row": 2}]}')
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert (fetched.complete, [p.rows for p in fetched.pages]) == (True, [2])


def test_an_absurd_number_of_pages_is_refused(simulate, open_client, monkeypatch):
    from givenergy import pagination

    monkeypatch.setattr(pagination, "MAX_PAGES", 3)
    sim = simulate()
    sim.override(r"/communication-device", page([1, 2], last=10**9, total=10**9))
    with pytest.raises(RequestRefusedError, match="more than 3 pages"):
        open_client(sim, retry=NO_RETRY).fetch(COMMUNICATION_DEVICES)


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"last_page": 0},
        {"last_page": -1, "total": -5},
        {"last_page": None, "total": None},
        {"last_page": "two"},
        {"last_page": 10**18, "total": 3},
        {"last_page": 0, "total": 3},
    ],
)
def test_page_counts_that_cannot_be_true_do_not_end_a_list_early(simulate, open_client, meta):
    sim = simulate()
    for number, rows in ((3, []), (2, [3]), (1, [1, 2])):
        body = {"data": [{"row": row} for row in rows], "meta": {"current_page": number, **meta}}
        sim.override(rf"page={number}\b", json.dumps(body).encode())
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert (fetched.complete, [p.rows for p in fetched.pages]) == (True, [2, 1])
    assert len(sim.requests) <= 3


def test_a_server_that_ignores_the_page_does_not_give_a_complete_list(simulate, open_client):
    """Its rows would add up to the total, with some of them twice and others missing."""
    sim = simulate()
    sim.override(r"/communication-device", page([1, 2], last=2, total=4))
    fetched = open_client(sim).fetch(COMMUNICATION_DEVICES)
    assert not fetched.complete
    assert fetched.missing == "The API sends page 1 again when the next one is requested."
