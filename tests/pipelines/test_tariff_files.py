"""Files of tariffs: the prices that they give each half hour, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tariffs.price_series import (
    PriceSeries,
    TariffError,
    day_number,
    day_of,
    moment_of,
    slot_of,
)
from pipelines.tariffs.tariff_file import LoadOptions, read_tariff

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "tariffs"
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
SPRING, AUTUMN, NORMAL = date(2025, 3, 30), date(2025, 10, 26), date(2025, 6, 1)
GO = """
name = "go-2025"
clock = "local"
[[period]]
from = 2025-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30", days = "mon-sun" }]
export = [{ price = 15.00 }]
"""
FLAT = """
[[period]]
from = 2025-01-01
standing_charge = 53.80
import = [{ price = 24.86 }]
export = [{ price = 15.00 }]
"""
OPEN = {"valid_from": "2025-01-01T00:00:00Z", "valid_to": None}


def toml(text: str, until: datetime = UNTIL, **options: str):
    return read_tariff(text.encode(), "x.toml", LoadOptions(**options), until)


def octopus(content: object, direction: str | None = "import", **options: str):
    text = json.dumps(content)
    return read_tariff(text.encode(), "x.json", LoadOptions(direction, **options), UNTIL)


def price_csv(text: str, **options: str):
    return read_tariff(text.encode(), "x.csv", LoadOptions(**options), UNTIL)


def rate(begin: str, end: str | None, pence: float, payment: str | None = None) -> dict:
    return {
        "value_exc_vat": round(pence / 1.05, 4), "value_inc_vat": pence,
        "valid_from": begin, "valid_to": end, "payment_method": payment,
    }  # fmt: skip


def of_day(series: PriceSeries, day: date, zone: ZoneInfo = LONDON) -> list[float]:
    """Return the prices of a local day."""
    first, end = (
        slot_of(datetime(d.year, d.month, d.day, tzinfo=zone)) - series.first
        for d in (day, day + timedelta(days=1))
    )
    return series.pence[first:end].tolist()


def at(series: PriceSeries, text: str) -> float:
    return float(series.pence[slot_of(datetime.fromisoformat(text)) - series.first])


@pytest.mark.parametrize(
    ("day", "half_hours", "cheap", "pence"),
    [(NORMAL, 48, 10, 136.6), (AUTUMN, 50, 12, 143.4), (SPRING, 46, 8, 129.8)],
)
def test_a_night_rate_by_local_time_is_as_long_as_the_clock_makes_it(day, half_hours, cheap, pence):
    prices = of_day(toml(GO).imports, day)
    assert (len(prices), prices.count(8.5)) == (half_hours, cheap)
    energies = [0.4 if price == 8.5 else 0.1 for price in prices]
    assert sum(map(lambda e, p: e * p, energies, prices)) == pytest.approx(pence)


def test_a_flat_tariff_costs_what_was_worked_out():
    found = toml(FLAT)
    assert set(found.imports.pence) == {24.86}
    assert set(found.exports.pence) == {15.0}
    assert set(found.charges.pence) == {53.8}
    paid = 6.5 * 24.86 - 3.0 * 15.0 + 53.8
    without = 9.2 * 24.86
    assert (paid / 100, (without - 6.5 * 24.86 + 3.0 * 15.0) / 100) == pytest.approx(
        (1.7039, 1.1212), abs=5e-5
    )
    assert found.direction == "both"
    assert (found.first_start_at, found.end_at) == (datetime(2025, 1, 1, tzinfo=UTC), None)


def test_a_negative_price_is_a_price():
    answer = [
        rate("2025-01-01T01:00:00Z", "2025-01-01T01:30:00Z", 35.70),
        rate("2025-01-01T00:30:00Z", "2025-01-01T01:00:00Z", 12.60),
        rate("2025-01-01T00:00:00Z", "2025-01-01T00:30:00Z", -3.15),
    ]
    pence = octopus(answer).imports.pence
    assert np.dot([1.2, 0.5, 0.3], pence) == pytest.approx(13.23)


def test_an_open_period_is_expanded_to_the_given_moment_and_a_closed_one_to_its_end():
    assert moment_of(toml(FLAT).imports.first + toml(FLAT).imports.pence.size) == UNTIL
    closed = toml(FLAT.replace("from = 2025-01-01", "from = 2025-01-01\nto = 2025-07-01"))
    assert closed.end_at == datetime(2025, 6, 30, 23, tzinfo=UTC)
    assert moment_of(closed.imports.first + closed.imports.pence.size) == closed.end_at
    assert day_of(closed.charges.first + closed.charges.pence.size) == date(2025, 7, 1)


def test_a_night_belongs_to_the_day_on_which_it_begins():
    night = '{ price = 9.0, start = "22:00", end = "06:00", days = "fri" }'
    found = toml(f"[[period]]\nfrom = 2025-06-01\nimport = [{{ price = 30.0 }}, {night}]").imports
    friday, saturday = (of_day(found, date(2025, 6, day)) for day in (6, 7))
    assert [price == 9.0 for price in friday] == [False] * 44 + [True] * 4
    assert [price == 9.0 for price in saturday] == [True] * 12 + [False] * 36
    # The night before the first day of a period is of the period too.
    night = night.replace("fri", "sat")
    found = toml(f"[[period]]\nfrom = 2025-06-01\nimport = [{{ price = 30.0 }}, {night}]").imports
    assert of_day(found, date(2025, 6, 1)).count(9.0) == 12


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("mon-fri", "12345"), ("sat,sun", "67"), ("mon-sun", "1234567"), ("sat-mon", "671"),
        ("Wed", "3"), ("mon, wed-thu", "134"), ("sun-sun", "7"),
    ],
)  # fmt: skip
def test_days_are_names_and_ranges_that_may_wrap(days, expected):
    text = f'[[period]]\nfrom = 2025-06-02\nimport = [{{price=1}}, {{price=2, days="{days}"}}]'
    found = toml(text).imports
    week = [date(2025, 6, 2) + timedelta(days=offset) for offset in range(7)]
    cheap = {str(day.isoweekday()) for day in week if of_day(found, day) == [2.0] * 48}
    assert cheap == set(expected)


def test_a_meter_in_utc_keeps_winter_time():
    found = toml(GO.replace('"local"', '"utc"')).imports
    assert at(found, "2025-06-01T00:00:00+00:00") == 27.0
    assert at(found, "2025-06-01T00:30:00+00:00") == 8.5
    assert [of_day(found, day).count(8.5) for day in (NORMAL, AUTUMN, SPRING)] == [10, 10, 10]


def test_the_dates_of_a_period_are_local_for_a_meter_in_utc_too():
    text = (
        'clock = "utc"\n[[period]]\nfrom = 2025-06-01\nto = 2025-06-03\nimport = [{ price = 1.0 }]'
        "\n[[period]]\nfrom = 2025-06-03\nimport = [{ price = 2.0 }]"
    )
    found = toml(text)
    assert at(found.imports, "2025-06-02T22:30:00+00:00") == 1.0
    assert at(found.imports, "2025-06-02T23:00:00+00:00") == 2.0


def test_credits_replace_the_import_price():
    text = GO + (
        "credits = [{ start = 2025-02-01T13:00:00Z, end = 2025-02-01T14:30:00Z, price = 0 },"
        ' { start = "2025-07-01T13:00+01:00", end = "2025-07-01T13:30+01:00", price = -2.5 }]'
    )
    found = toml(text)
    assert of_day(found.imports, date(2025, 2, 1))[25:30] == [27.0, 0.0, 0.0, 0.0, 27.0]
    assert at(found.imports, "2025-07-01T12:00:00+00:00") == -2.5
    assert set(found.exports.pence) == {15.0}


RULE = st.fixed_dictionaries(
    {
        "price": st.integers(-500, 9000).map(lambda number: number / 100),
        "start": st.integers(0, 47),
        "length": st.integers(1, 47),
        "days": st.sets(st.integers(0, 6), min_size=1),
    }
)
CHANGES = {
    "Europe/London": (date(2025, 3, 28), date(2025, 10, 24)),
    "America/New_York": (date(2025, 3, 7), date(2025, 10, 31)),
    "Australia/Lord_Howe": (date(2025, 4, 4), date(2025, 10, 3)),
    "America/Havana": (date(2025, 3, 7), date(2025, 10, 31)),
    "UTC": (date(2025, 2, 27), date(2025, 12, 30)),
}
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def text_of(half_hour: int) -> str:
    return f"{half_hour // 2:02}:{half_hour % 2 * 30:02}"


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(CHANGES)),
    st.sampled_from([0, 1]),
    st.integers(-1, 2),
    st.integers(1, 4),
    st.sampled_from(["local", "utc"]),
    st.lists(RULE, max_size=4),
)
def test_rules_give_each_half_hour_the_price_of_its_time(zone, which, shift, length, clock, rules):
    """Against the plainest computation: each half hour for itself, by Python's own clock."""
    first = CHANGES[zone][which] + timedelta(days=shift)
    until = first + timedelta(days=length)
    lines = ["{ price = 25.0 }"]
    for rule in rules:
        end = text_of((rule["start"] + rule["length"]) % 48)
        days = ",".join(NAMES[day] for day in sorted(rule["days"]))
        lines.append(
            f'{{ price = {rule["price"]}, start = "{text_of(rule["start"])}", end = "{end}",'
            f' days = "{days}" }}'
        )
    text = (
        f'timezone = "{zone}"\nclock = "{clock}"\n[[period]]\nfrom = {first}\nto = {until}\n'
        f"import = [{', '.join(lines)}]"
    )
    found = toml(text).imports
    expected = {}
    local_zone = ZoneInfo(zone)
    begin = slot_of(datetime(first.year, first.month, first.day, tzinfo=UTC)) - 48
    for slot in range(begin, begin + (length + 2) * 48):
        local = moment_of(slot).astimezone(local_zone)
        if not first <= local.date() < until:
            continue
        shown = local if clock == "local" else moment_of(slot)
        number = shown.hour * 2 + shown.minute // 30
        expected[slot] = 25.0
        for rule in rules:
            since = (number - rule["start"]) % 48
            began_on = (shown.date() - timedelta(days=int(number < rule["start"]))).weekday()
            if since < rule["length"] and began_on in rule["days"]:
                expected[slot] = rule["price"]
    assert list(expected) == list(range(found.first, found.first + found.pence.size))
    assert found.pence.tolist() == list(expected.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "not valid TOML"),
        ("x = " + "[" * 100_000, "not valid TOML"),
        ("x = " + "1" * 10_000, "not valid TOML"),
        ('names = "a"', "'names' of the tariff is not a key of tariffs. Did you mean name?"),
        ("", "has no [[period]]"),
        ("[period]\nfrom = 2025-01-01", "[[period]] is no list of tables"),
        ("[[period]]\nimport = [{price=1}]", "has no `from`"),
        ('[[period]]\nfrom = "2025-01-01"', "write a date without quotes"),
        ("[[period]]\nfrom = 2025-01-01T00:00:00Z", "write a date without quotes"),
        ("[[period]]\nfrom = 1999-01-01\nimport = [{price=1}]", "before 2000-01-01"),
        ("[[period]]\nfrom = 2025-01-02\nto = 2025-01-02", "the first day that is not in it"),
        ("[[period]]\nfrom = 2025-01-01\nprice = 1", "'price' of the period from 2025-01-01"),
        ("[[period]]\nfrom = 2025-01-01", "has no prices: add some"),
        ("[[period]]\nfrom = 2025-01-01\nimport = 5", "is no list of tables"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{start='00:30'}]", "has no price"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{price='27'}]", "'27', which is no price"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{price=nan}]", "nan, which is no price"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{price=-inf}]", "which is no price"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{price=true}]", "True, which is no price"),
        ("[[period]]\nfrom = 2025-01-01\nimport = [{price=2486}]", "more than 1,000 pence"),
        (f"[[period]]\nfrom = 2025-01-01\nimport = [{{price=1{'0' * 400}}}]", "1,000 pence"),
        (FLAT.replace("53.80", "false"), "The standing charge of the period from 2025-01-01 is"),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,start='00:15'}]", "a whole half hour"),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,start='25:00'}]", "a whole half hour"),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,start='7:00'}]", "a whole half hour"),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,start='07:00',end='07:00'}]", "whole day"),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,days='mo'}]", 'such as "mon-fri"'),
        ("[[period]]\nfrom=2025-01-01\nimport=[{price=1,dayz='mon'}]", "Did you mean days?"),
        ('timezone = "Londn"' + FLAT, "timezone is 'Londn'"),
        ('timezone = "../x"' + FLAT, "no IANA name"),
        ('timezone = "Asia/Kathmandu"' + FLAT, "not whole half hours from UTC"),
        ('clock = "bst"' + FLAT, 'write clock = "local"'),
        ('currency = "pounds"' + FLAT, "ISO code"),
        ("name = 7" + FLAT, "write it in quotes"),
        (FLAT + FLAT.replace("2025", "2026"), "has no `to`, and another begins on 2026-01-01"),
        (
            "[[period]]\nfrom=2025-01-01\nto=2025-02-01\nimport=[{price=1}]"
            "\n[[period]]\nfrom=2025-02-03\nimport=[{price=1}]",
            "No period has the days from 2025-02-01 to 2025-02-02",
        ),
        (
            "[[period]]\nfrom=2025-01-01\nimport=[{price=1,end='06:00'},{price=1,start='07:00'}]",
            "no price for 1,460 half hours between its first and its last price; the first hole is"
            " from 2025-01-01 06:00 UTC to 2025-01-01 07:00 UTC",
        ),
        (
            FLAT.replace("from", "to = 2025-02-01\nfrom")
            + FLAT.replace("standing_charge = 53.80", "").replace("2025-01", "2025-02")
            .replace("from", "to = 2025-03-01\nfrom")
            + FLAT.replace("2025-01", "2025-03"),
            "The standing charge has no price for 28 days",
        ),
        (FLAT + "credits=[{start=2025-02-01T00:00:00,end=2025-02-01T00:30:00Z,price=1}]", "UTC"),
        (FLAT + "credits=[{start=2025-02-01T00:10:00Z,end=2025-02-01T00:30:00Z,price=1}]", "half"),
        (FLAT + "credits=[{start=2025-02-01T01:00:00Z,end=2025-02-01T00:30:00Z,price=1}]", "ends"),
        (FLAT + "credits=[{start=2024-02-01T00:00:00Z,end=2024-02-01T00:30:00Z,price=1}]",
         "not within the dates of its period"),
        (FLAT + "credits=[{start=2025-02-01T00:00:00Z,end=2025-02-01T00:30:00Z}]", "no price"),
    ],
)  # fmt: skip
def test_a_wrong_rule_file_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(TariffError) as error:
        toml(text, datetime(2027, 1, 1, tzinfo=UTC))
    assert message in str(error.value)
    assert str(error.value).startswith(("x.toml cannot be loaded. ", "x.toml has no prices"))


def test_an_answer_has_pence_with_vat_by_direct_debit():
    answer = {"count": 3, "next": None, "previous": None, "results": [
        rate("2025-02-01T00:00:00Z", None, 24.0, "DIRECT_DEBIT"),
        rate("2025-02-01T00:00:00Z", None, 26.0, "NON_DIRECT_DEBIT"),
        rate("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", 21.0),
    ]}  # fmt: skip
    found = octopus(answer)
    assert (at(found.imports, "2025-01-31T23:30+00:00"), at(found.imports, "2025-02-01T00:00Z")) \
        == (21.0, 24.0)  # fmt: skip
    assert (found.direction, found.end_at, found.exports, found.charges) == (
        "import", None, None, None,
    )  # fmt: skip
    other = octopus(answer, payment="NON_DIRECT_DEBIT", vat="exclude").imports
    assert (other.pence[0], other.pence[-1]) == (20.0, 24.7619)
    assert octopus(answer, "export").exports.pence[0] == 21.0


def test_pages_may_be_in_a_list_in_any_order_and_results_without_pages_too():
    address = "https://example.org/rates/"
    entries = [
        rate(f"2025-01-0{day}T00:00:00Z", f"2025-01-0{day + 1}T00:00:00Z", float(day))
        for day in (3, 2, 1)
    ]
    pages = [
        {"count": 3, "next": f"{address}?page=2", "previous": None, "results": entries[:1]},
        {"count": 3, "next": f"{address}?page=3", "previous": address, "results": entries[1:2]},
        {"count": 3, "next": None, "previous": f"{address}?page=2", "results": entries[2:]},
    ]
    for content in (pages, pages[::-1], entries, [*entries, entries[0]]):
        assert octopus(content).imports.pence.tolist() == [1.0] * 48 + [2.0] * 48 + [3.0] * 48
    for kept, lacking in (
        (pages[:1], "page 2 of the answer: save https://example.org/rates/?page=2 too"),
        (pages[0], "page 2 of the answer: save https://example.org/rates/?page=2 too"),
        (pages[:2], "page 3 of the answer: save https://example.org/rates/?page=3 too"),
        (pages[1:], "page 1 of the answer: save https://example.org/rates/ too"),
        (pages[::2], "page 2 of the answer"),
    ):
        with pytest.raises(TariffError) as error:
            octopus(kept)
        assert lacking in str(error.value)


def test_standing_charges_are_by_local_date():
    found = octopus(
        [
            rate("2025-07-01T23:00:00Z", None, 55.0),
            rate("2025-04-01T00:00:00Z", "2025-07-01T23:00:00Z", 50.0),
            rate("2025-03-01T00:00:00Z", "2025-04-01T00:00:00Z", 45.0),
        ],
        "standing-charge",
    )
    charges = {day_of(found.charges.first + at): p for at, p in enumerate(found.charges.pence)}
    assert (min(charges), max(charges)) == (date(2025, 3, 1), date(2026, 12, 31))
    changes = [day for day in charges if charges.get(day - timedelta(days=1)) != charges[day]]
    assert changes == [date(2025, 3, 1), date(2025, 4, 1), date(2025, 7, 2)]
    assert found.direction == "standing_charge"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "list of results is empty"),
        ({"detail": "Not found."}, "no answer of Octopus' API"),
        ([1], "no answer of Octopus' API"),
        ({"results": {}}, "no answer of Octopus' API"),
        ({"results": [{"price": 1}]}, "no answer of Octopus' API"),
        ([rate("2025-01-01T00:00:00Z", None, 1.0, "NON_DIRECT_DEBIT")],
         "no prices of payment method DIRECT_DEBIT, but of NON_DIRECT_DEBIT"),
        ([{**OPEN, "value_exc_vat": 1.0}], "has no value_inc_vat"),
        ([{**OPEN, "value_inc_vat": "24.1"}], "'24.1', which is no price"),
        ([{**OPEN, "value_inc_vat": float("nan")}], "nan, which is no price"),
        ([{**OPEN, "value_inc_vat": 10**4}], "more than 1,000 pence"),
        ([rate("2025-01-01T00:10:00Z", None, 1.0)], "not a UTC time at a whole half hour"),
        ([rate("2025-01-01T00:00:00", None, 1.0)], "not a UTC time"),
        ([{**OPEN, "valid_from": None}], "valid_from is None"),
        ([rate("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 1.0)], "before it begins"),
        ([rate("1970-01-01T00:00:00Z", None, 1.0)], "before 2000-01-01"),
        ([rate("2025-01-01T00:00:00Z", None, 1.0), rate("2025-01-02T00:00:00Z", None, 2.0)],
         "The price from 2025-01-01 00:00 UTC has no end, and another begins 2025-01-02 00:00 UTC"),
        ([rate("2025-01-01T00:00:00Z", None, 1.0), rate("2025-01-01T00:00:00Z", None, 2.0)],
         "another begins 2025-01-01 00:00 UTC"),
        ([rate("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z", 1.0),
          rate("2025-01-02T00:30:00Z", None, 2.0)],
         "no price for 1 half hour between its first and its last price; the first hole is from"
         " 2025-01-02 00:00 UTC to 2025-01-02 00:30 UTC"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_refused_with_what_is_wrong(content, message):
    with pytest.raises(TariffError) as error:
        octopus(content)
    assert message in str(error.value)


def test_text_that_is_no_json_is_refused():
    for text in ("", "{", "[" * 200_000, '{"results": [1}'):
        with pytest.raises(TariffError, match="not valid JSON"):
            read_tariff(text.encode(), "x.json", LoadOptions("import"), UNTIL)


def test_an_answer_needs_its_direction():
    with pytest.raises(TariffError, match="add --direction import, export or standing-charge"):
        octopus([rate("2025-01-01T00:00:00Z", None, 1.0)], None)


def test_rows_of_a_csv_last_until_the_next_and_the_last_as_long_as_the_one_before():
    found = price_csv(
        "start,import_pence,export_pence\r\n2025-03-30T01:00Z,2,\r\n2025-03-30T00:00Z,-1.5,\r\n"
        "2025-03-30T03:00+01:00,3,7.5\r\n"
    )
    assert found.imports.pence.tolist() == [-1.5, -1.5, 2.0, 2.0, 3.0, 3.0]
    assert moment_of(found.imports.first) == datetime(2025, 3, 30, tzinfo=UTC)
    assert (moment_of(found.exports.first), found.exports.pence.tolist()) == (
        datetime(2025, 3, 30, 2, tzinfo=UTC),
        [7.5, 7.5],
    )
    assert found.end_at == datetime(2025, 3, 30, 3, tzinfo=UTC)
    assert (found.direction, found.warnings) == ("both", ())
    assert price_csv("\ufeffexport_pence,start\n4,2025-01-01T00:00Z\n").exports.pence.size == 1


def test_a_row_that_lasts_long_among_short_ones_is_pointed_out():
    rows = "".join(f"2025-01-01T0{hour}:00Z,5\n" for hour in range(5))
    found = price_csv(f"start,import_pence\n{rows}2025-03-01T00:00Z,6\n")
    assert found.warnings[0].startswith("The price from 2025-01-01 04:00 UTC lasts 58.8333 days")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "write start,import_pence,export_pence"),
        ("start,price\n", "The first line is 'start,price'"),
        ("start\n", "write start,import_pence,export_pence"),
        ("start,start,import_pence\n", "The first line is"),
        ("start,import_pence,import_pence\n", "The first line is"),
        ('start,"import_pence', "not valid CSV"),
        ("start;import_pence\n2025-01-01T00:00Z;1\n", "The first line is"),
        ("start,import_pence\n", "no row below its header"),
        ("start,import_pence\n2025-01-01T00:00,1\n", "in line 2 is '2025-01-01T00:00': write a"),
        ("start,import_pence\n01/01/2025 00:00,1\n", "with its offset from UTC"),
        ("start,import_pence\n2025-01-01T00:15Z,1\n", "not a whole half hour"),
        ("start,import_pence\n0001-01-01T00:00+01:00,1\n", "before 2000-01-01"),
        ("start,import_pence\n2025-01-01T00:00Z,1\n2025-01-01T01:00+01:00,2\n", "Two rows start"),
        ("start,import_pence\n2025-01-01T00:00Z,\n", "has no prices"),
        ("start,import_pence\n2025-01-01T00:00Z\n", "Line 2 has not 2 values"),
        ("start,import_pence\n2025-01-01T00:00Z,24,5\n", "Line 2 has not 2 values"),
        ("start,import_pence\n2025-01-01T00:00Z,nan\n", "import_pence in line 2 is nan"),
        ("start,import_pence\n2025-01-01T00:00Z,£1\n", "'£1', which is no price"),
        ("start,import_pence\n2025-01-01T00:00Z,1e9\n", "more than 1,000 pence"),
        (
            "start,import_pence\n2025-01-01T00:00Z,1\n2025-01-01T00:30Z,\n2025-01-01T01:00Z,1\n",
            "no price for 1 half hour",
        ),
    ],
)
def test_a_wrong_csv_is_refused_with_what_is_wrong(text, message):
    with pytest.raises(TariffError) as error:
        price_csv(text)
    assert message in str(error.value)


def test_prices_that_look_like_pounds_are_pointed_out():
    (warning,) = toml("[[period]]\nfrom=2025-01-01\nimport=[{price=0.27}]").warnings
    assert warning.startswith("No import price is above 0.27 pence")
    assert toml("[[period]]\nfrom=2025-01-01\nimport=[{price=0}]").warnings == ()


def test_a_direction_takes_that_part_of_a_file():
    for direction, parts in (
        ("import", (True, False, True)),
        ("export", (False, True, False)),
        ("standing-charge", (False, False, True)),
    ):
        found = toml(FLAT, direction=direction)
        kinds = (found.imports, found.exports, found.charges)
        assert tuple(each is not None for each in kinds) == parts
    with pytest.raises(TariffError, match="no prices for export"):
        toml(FLAT.replace("export", "credits").replace("{ price = 15.00 }", ""), direction="export")


def test_files_of_other_kinds_are_refused():
    for name, content, message in (
        ("x.xlsx", b"", "has not the ending of a tariff"),
        ("x", b"", "has not the ending of a tariff"),
        ("x.csv", "start,é".encode("latin-1"), "not UTF-8"),
    ):
        with pytest.raises(TariffError, match=message):
            read_tariff(content, name, LoadOptions(), UNTIL)
    with pytest.raises(TariffError, match="--payment and --vat are for answers"):
        toml(FLAT, vat="exclude")


@pytest.mark.parametrize(
    ("name", "options", "direction", "prices"),
    [
        ("flat.toml", LoadOptions(), "both", {24.10, 24.86}),
        ("two-rate.toml", LoadOptions(), "both", {27.0, 8.5}),
        ("bands.toml", LoadOptions(), "both", {26.4, 22.0, 39.9, 11.2}),
        ("half-hourly.csv", LoadOptions(), "both", {14.2, 12.6, -3.15, -1.05, 6.3, 35.7}),
        ("unit-rates.json", LoadOptions("import"), "import", {26.25, 8.4}),
    ],
)
def test_the_examples_can_be_loaded(name, options, direction, prices):
    found = read_tariff((EXAMPLES / name).read_bytes(), name, options, UNTIL)
    assert (found.direction, set(found.imports.pence)) == (direction, prices)
    assert found.warnings == ()


def test_every_example_is_loaded_above():
    assert len(list(EXAMPLES.iterdir())) == 5


def test_a_week_of_bands_has_each_price_when_it_applies():
    found = read_tariff((EXAMPLES / "bands.toml").read_bytes(), "x.toml", LoadOptions(), UNTIL)
    hours = {
        "2025-01-06T15:30Z": 26.4, "2025-01-06T16:00Z": 39.9, "2025-01-06T19:00Z": 26.4,
        "2025-01-06T23:30Z": 11.2, "2025-01-07T04:30Z": 11.2, "2025-01-07T05:00Z": 26.4,
        "2025-01-11T16:00Z": 22.0, "2025-07-07T16:00Z": 39.9, "2025-07-07T15:00Z": 26.4,
    }  # fmt: skip
    assert {text: at(found.imports, text) for text in hours} == hours
    assert day_number(date(2024, 1, 1)) == found.charges.first
