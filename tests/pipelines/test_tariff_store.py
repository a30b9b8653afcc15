"""Stored tariffs: versions, expanded prices and their renewal, and which was in force when."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tariffs.price_series import TariffError
from pipelines.tariffs.tariff_check import StoredTariffs, tariff_findings
from pipelines.tariffs.tariff_file import LoadOptions
from pipelines.tariffs.tariff_store import (
    expansion_end,
    forget_tariff,
    load_tariff,
    read_loads,
    renew_prices,
    stored_currency,
)
from pipelines.tariffs.tariffs_in_force import use_tariff, with_range
from tests.support.tariff_loads import CLOSED, FLAT, NOW, charges, loader, prices, rates
from warehouse import owner_inputs
from warehouse.lake import Lake
from warehouse.owner_damage import damages


@pytest.fixture
def lake(tmp_path):
    with Lake(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def load(lake, tmp_path):
    """Give a function that loads a text as a file."""
    return loader(lake, tmp_path)


def stored(lake: Lake) -> StoredTariffs:
    return StoredTariffs(
        read_loads(lake.folder),
        owner_inputs.read(lake.folder, "tariff_prices"),
        owner_inputs.read(lake.folder, "tariff_standing_charges"),
        owner_inputs.read(lake.folder, "tariffs_in_force").to_pylist(),
    )


def test_a_load_is_kept_described_and_expanded(lake, load):
    result = load(CLOSED)
    assert result.is_new
    (row,) = read_loads(lake.folder)
    assert row == result.load
    assert row | {"file_sha256": ""} == {
        "tariff": "flat", "version": 1, "direction": "both", "currency": "GBP",
        "timezone": "Europe/London", "clock": "local", "format": "toml",
        "file_name": "flat.toml", "file_sha256": "", "loaded_at": NOW,
        "first_start_at": datetime(2025, 1, 1, tzinfo=UTC),
        "end_at": datetime(2025, 2, 1, tzinfo=UTC), "is_current": True,
    }  # fmt: skip
    kept = lake.folder / "owner" / "tariff_files" / "flat" / "1-flat.toml"
    assert kept.read_text() == CLOSED
    assert damages(lake.folder) == []
    assert prices(lake) == {("flat", 25.0, 15.0): 31 * 48}
    assert charges(lake) == {("flat", 50.0): 31}


def test_the_newest_load_of_a_direction_wins_and_parts_are_combined(lake, load):
    load(CLOSED)
    load(rates(30.0), "import.json", "flat", direction="import")
    count = int((expansion_end(NOW) - datetime(2025, 1, 1, tzinfo=UTC)) / timedelta(minutes=30))
    january = 31 * 48
    assert prices(lake) == {("flat", 30.0, 15.0): january, ("flat", 30.0, None): count - january}
    assert charges(lake) == {("flat", 50.0): 31}
    load(rates(12.0), "export.json", "flat", direction="export")
    assert prices(lake) == {("flat", 30.0, 12.0): count}
    load(rates(60.0), "standing.json", "flat", direction="standing-charge")
    assert set(charges(lake)) == {("flat", 60.0)}
    states = {row["version"]: row["is_current"] for row in read_loads(lake.folder)}
    assert states == {1: False, 2: True, 3: True, 4: True}
    load(CLOSED)
    assert prices(lake) == {("flat", 25.0, 15.0): january}
    assert [row["version"] for row in read_loads(lake.folder) if row["is_current"]] == [5]


def test_the_same_file_again_changes_nothing(lake, load):
    load(FLAT)
    load(rates(30.0), "go.json", "go", direction="import")
    before = {path: path.read_bytes() for path in (lake.folder / "owner").rglob("*.*")}
    again = load(FLAT)
    assert (again.is_new, again.load["version"]) == (False, 1)
    assert not load(rates(30.0), "go.json", "go", direction="import").is_new
    assert {path: path.read_bytes() for path in (lake.folder / "owner").rglob("*.*")} == before
    assert load(rates(30.0), "go.json", "go", direction="export").is_new
    assert load(FLAT, tariff="other").load["tariff"] == "other"
    # Back to a file that a newer one had replaced.
    load(FLAT.replace("25.0", "26.0"))
    assert load(FLAT).load["version"] == 3


def test_options_of_an_answer_hold_when_it_is_expanded_again(lake, load):
    entry = {"valid_from": "2025-01-01T00:00:00Z", "valid_to": None}
    answer = json.dumps(
        [
            {**entry, "value_exc_vat": 20.0, "value_inc_vat": 21.0},
            {
                **entry, "value_exc_vat": 22.0, "value_inc_vat": 23.1,
                "payment_method": "NON_DIRECT_DEBIT",
            },
        ]
    )  # fmt: skip
    load(answer, "a.json", "a", direction="import", payment="NON_DIRECT_DEBIT", vat="exclude")
    assert renew_prices(lake, NOW + timedelta(days=366))
    assert set(prices(lake)) == {("a", 22.0, None)}


def test_prices_without_an_end_are_renewed_when_less_than_a_year_is_left(lake, load):
    load(FLAT)

    def last() -> datetime:
        return max(owner_inputs.read(lake.folder, "tariff_prices")["start_at"].to_pylist())

    assert last() == datetime(2028, 6, 16, 23, 30, tzinfo=UTC) - timedelta(hours=1)
    assert not renew_prices(lake, NOW + timedelta(days=364))
    assert renew_prices(lake, NOW + timedelta(days=367))
    assert last() == datetime(2029, 6, 18, 22, 30, tzinfo=UTC)
    assert not renew_prices(lake, NOW + timedelta(days=367))


def test_nothing_is_renewed_of_prices_with_an_end_or_without_tariffs(lake, load):
    assert not renew_prices(lake, NOW)
    load(CLOSED)
    assert not renew_prices(lake, NOW + timedelta(days=5000))


@pytest.mark.parametrize("harm", ["removed", "cut short", "of other loads"])
def test_prices_that_were_lost_are_expanded_again(lake, load, harm):
    load(CLOSED)
    before = prices(lake), charges(lake)
    for name in owner_inputs.EXPANDED:
        path = lake.folder / owner_inputs.file_name(name)
        if harm == "removed":
            path.unlink()
        elif harm == "cut short":
            path.write_bytes(path.read_bytes()[:-9])
        else:
            with owner_inputs.lock(lake):
                owner_inputs.write(lake, name, owner_inputs.SCHEMAS[name].empty_table())
    assert renew_prices(lake, NOW)
    assert (prices(lake), charges(lake)) == before


def test_prices_stay_if_the_copy_of_their_file_is_lost(lake, load, caplog):
    load(FLAT)
    count = sum(prices(lake).values())
    (lake.folder / "owner" / "tariff_files" / "flat" / "1-flat.toml").unlink()
    load(CLOSED.replace('"flat"', '"other"'), "other.toml")
    assert prices(lake) == {("flat", 25.0, 15.0): count, ("other", 25.0, 15.0): 31 * 48}
    assert "The prices of tariff flat stay as they were" in caplog.text
    assert [row["is_current"] for row in read_loads(lake.folder)] == [True, True]


@pytest.mark.parametrize("name", ["", "Agile", "a b", "../x", "-x", "a/b", "x" * 65])
def test_names_are_simple(load, name):
    with pytest.raises(TariffError, match="is no name of a tariff"):
        load(FLAT, tariff=name)


def test_names_of_files_are_made_safe(lake, load):
    load(rates(1.5), "my Octopus £ rates.json", "a", direction="import")
    assert read_loads(lake.folder)[0]["file_name"] == "my_Octopus___rates.json"
    assert damages(lake.folder) == []
    load(rates(2.5), f"{'x' * 200}.json", "a", direction="import")
    assert len(read_loads(lake.folder)[1]["file_name"]) == 100
    assert renew_prices(lake, NOW + timedelta(days=400))


def test_a_folder_has_one_currency(lake, load):
    load('currency = "EUR"' + FLAT)
    with pytest.raises(TariffError, match="is in GBP and the stored tariffs are in EUR"):
        load(FLAT, tariff="other")
    found = load("start,import_pence\n2025-01-01T00:00Z,25\n", "a.csv", "a")
    assert found.load["currency"] == "EUR"
    forget_tariff(lake, "a", NOW)
    forget_tariff(lake, "flat", NOW)
    assert load(FLAT).load["currency"] == "GBP"


def test_the_currency_is_known_while_the_list_of_tariffs_is_damaged(lake, load):
    assert stored_currency(lake.folder) == "GBP"
    load('currency = "EUR"' + FLAT)
    for name, expected in (
        ("tariffs", "EUR"),
        ("tariff_prices", "EUR"),
        ("tariff_standing_charges", "GBP"),  # nothing is left that says it
    ):
        assert stored_currency(lake.folder) == "EUR"
        (lake.folder / owner_inputs.file_name(name)).write_bytes(b"garbage")
        assert stored_currency(lake.folder) == expected


def test_a_forgotten_tariff_leaves_nothing(lake, load):
    load(FLAT)
    load(CLOSED, "other.toml", "other")
    use_tariff(lake, "flat", date(2025, 1, 1), None)
    use_tariff(lake, "other", date(2025, 2, 1), date(2025, 3, 1))
    forget_tariff(lake, "flat", NOW)
    assert {row["tariff"] for row in read_loads(lake.folder)} == {"other"}
    assert {tariff for tariff, *_ in prices(lake)} == {"other"}
    assert stored(lake).in_force == [
        {"tariff": "other", "from_date": date(2025, 2, 1), "to_date": date(2025, 3, 1)}
    ]
    assert not (lake.folder / "owner" / "tariff_files" / "flat").exists()
    with pytest.raises(TariffError, match="No tariff 'flat' is loaded"):
        forget_tariff(lake, "flat", NOW)


def test_loads_at_once_all_count(lake, tmp_path):
    def one(number: int) -> int:
        path = tmp_path / f"{number}.toml"
        path.write_text(CLOSED.replace("25.0", f"{number}.0"))
        with Lake(lake.folder) as own:
            return load_tariff(own, path, LoadOptions(), None, NOW).load["version"]

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(one, range(1, 9)))
    assert sorted(versions) == list(range(1, 9))
    (current,) = (row for row in read_loads(lake.folder) if row["is_current"])
    assert current["version"] == 8
    assert set(prices(lake)) == {("flat", float(Path(current["file_name"]).stem), 15.0)}


def test_a_missing_file_or_a_folder_is_named(lake, tmp_path):
    for path, message in ((tmp_path / "none.toml", "no file"), (tmp_path, "is a folder")):
        with pytest.raises(TariffError, match=message):
            load_tariff(lake, path, LoadOptions(), None, NOW)


RANGE = st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.none() | st.integers(1, 30))


@given(st.lists(RANGE, max_size=8))
def test_what_is_said_last_is_in_force(statements):
    day_zero = date(2025, 1, 1)
    ranges: list = []
    expected: dict[date, str] = {}
    for tariff, first, length in statements:
        begin = day_zero + timedelta(days=first)
        until = None if length is None else begin + timedelta(days=length)
        ranges = with_range(ranges, tariff, begin, until)
        for offset in range(100):
            day = day_zero + timedelta(days=offset)
            if begin <= day and (until is None or day < until):
                expected[day] = tariff
    found = {}
    for entry in ranges:
        for offset in range(100):
            day = day_zero + timedelta(days=offset)
            if entry["from_date"] <= day and (entry["to_date"] is None or day < entry["to_date"]):
                assert day not in found
                found[day] = entry["tariff"]
    assert found == expected
    assert ranges == sorted(ranges, key=lambda entry: entry["from_date"])
    pairs = itertools.pairwise(ranges)
    assert not any(
        one["to_date"] == two["from_date"] and one["tariff"] == two["tariff"] for one, two in pairs
    )


def test_a_check_finds_what_costs_would_lack(lake, load):
    load(CLOSED)
    load(rates(30.0), "go.json", "go", direction="import")
    oldest, newest = datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 2, 2, 12, tzinfo=UTC)
    energy = oldest, newest
    assert tariff_findings(stored(lake), energy) == []
    use_tariff(lake, "flat", date(2024, 12, 31), date(2025, 2, 2))
    use_tariff(lake, "go", date(2025, 2, 2), None)
    assert tariff_findings(stored(lake), None) == []
    found = tariff_findings(stored(lake), energy)
    assert [(each.tariff, each.problem) for each in found] == [
        ("flat", "no_import_price"), ("flat", "no_standing_charge"), ("go", "no_standing_charge"),
    ]  # fmt: skip
    assert "for 96 half hours with data, from 2024-12-31 00:00 UTC to 2025-02-02 00:00" in (
        found[0].message
    )
    assert "for 2 days, from 2024-12-31 to 2025-02-01" in found[1].message
    assert "for 1 days" not in found[2].message
    assert len(tariff_findings(stored(lake), energy, "go")) == 1
    midnight = datetime(2025, 2, 2, tzinfo=UTC)
    assert tariff_findings(stored(lake), (oldest, midnight), "go") == []


def test_a_check_begins_with_the_oldest_data(lake, load):
    load(CLOSED)
    use_tariff(lake, "flat", date(2000, 1, 1), None)
    begin, end = datetime(2025, 1, 31, 12, tzinfo=UTC), datetime(2025, 2, 1, 6, 45, tzinfo=UTC)
    prices, charges = tariff_findings(stored(lake), (begin, end))
    assert "for 13 half hours with data, from 2025-02-01 00:00 UTC to 2025-02-01 06:30 UTC" in (
        prices.message
    )
    assert "for 1 day, from 2025-02-01 to 2025-02-01" in charges.message
    assert tariff_findings(stored(lake), (begin, datetime(2025, 2, 1, tzinfo=UTC))) == []
    begin = datetime(2024, 12, 31, 23, 10, tzinfo=UTC)
    (prices, _) = tariff_findings(stored(lake), (begin, begin + timedelta(hours=2)))
    assert "for 2 half hours with data, from 2024-12-31 23:00 UTC to" in prices.message


def test_days_of_a_zone_with_quarters_of_hours_are_checked(lake, load):
    load('timezone = "Asia/Kathmandu"\nclock = "utc"' + CLOSED)
    use_tariff(lake, "flat", date(2025, 1, 1), None)
    begin, end = datetime(2024, 12, 31, 18, 30, tzinfo=UTC), datetime(2025, 1, 31, 18, tzinfo=UTC)
    assert tariff_findings(stored(lake), (begin, end)) == []
    prices, charges = tariff_findings(stored(lake), (begin, end + timedelta(hours=1)))
    assert "for 1 half hour with data, from 2025-01-31 18:30 UTC to" in prices.message
    assert "for 1 day, from 2025-02-01 to 2025-02-01" in charges.message


def test_a_check_works_for_early_dates_of_an_earlier_givlake(lake, load):
    load(CLOSED)
    end = datetime(2025, 1, 2, tzinfo=UTC)
    for first in (date.min, date(1840, 1, 1)):
        entry = {"tariff": "flat", "from_date": first, "to_date": None}
        told = replace(stored(lake), in_force=[entry])
        assert tariff_findings(told, (datetime(2025, 1, 1, tzinfo=UTC), end)) == []
        with pytest.raises(TariffError, match="--from is 2000-01-01 or later"):
            use_tariff(lake, "flat", first, None)


def test_a_check_finds_holes_and_overlaps(lake, load):
    load(CLOSED)
    whole = stored(lake)
    holed = StoredTariffs(
        whole.loads,
        whole.prices.filter([at not in (7, 8) for at in range(whole.prices.num_rows)]),
        whole.charges.filter([at != 3 for at in range(whole.charges.num_rows)]),
        [
            {"tariff": "flat", "from_date": date(2025, 1, 1), "to_date": None},
            {"tariff": "gone", "from_date": date(2025, 1, 5), "to_date": None},
        ],
    )
    found = tariff_findings(holed, None)
    assert [(each.tariff, each.problem) for each in found] == [
        ("flat", "hole"), ("flat", "hole"), ("flat", "hole"), ("gone", "overlap"),
        ("gone", "not_loaded"),
    ]  # fmt: skip
    assert "2 half hours" in found[0].message
    assert "from 2025-01-01 03:30 UTC to 2025-01-01 04:30 UTC" in found[0].message
