"""Files of tariffs with impossible dates or sizes: each is refused with advice that helps."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.tariffs.price_series import TariffError
from pipelines.tariffs.tariff_file import LoadOptions, read_tariff
from pipelines.tariffs.tariff_store import load_tariff, read_loads
from tests.support.tariff_loads import FLAT, NOW
from warehouse.lake import Lake

UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


def refusal(name: str, text: str) -> str:
    with pytest.raises(TariffError) as error:
        read_tariff(text.encode(), name, LoadOptions("import"), UNTIL)
    return str(error.value)


def rates(begin: str | None, end: str | None) -> str:
    return json.dumps([{"value_inc_vat": 20.0, "valid_from": begin, "valid_to": end}])


@pytest.mark.parametrize("time", ["9999-12-31T23:30:00Z", "9999-12-31T23:30:00-05:00"])
def test_dates_of_another_century_are_refused(time):
    rows = f"start,import_pence\n2025-01-01T00:00Z,1\n{time},2\n"
    assert f"start in line 3 is '{time}', after 2100-01-01: correct it." in refusal("x.csv", rows)
    for answer in (rates(time, None), rates("2025-01-01T00:00Z", time)):
        assert f"is '{time}', after 2100-01-01: correct it." in refusal("x.json", answer)
    credit = f'credits = [{{ start = 2025-02-01T00:00:00Z, end = "{time}", price = 1 }}]'
    assert "end of a credit of the period from 2025-01-01 is" in refusal("x.toml", FLAT + credit)
    early = credit.replace("2025-02-01", "0001-01-01").replace("00Z", "00+01:00")
    assert "before 2000-01-01: correct it." in refusal("x.toml", FLAT + early)


def test_periods_of_another_century_are_refused():
    late = FLAT.replace("2025-01-01", "9998-01-01")
    assert "`from` of a [[period]] is 9998-01-01, after 2100-01-01" in refusal("x.toml", late)
    late = FLAT.replace("from =", "to = 9999-12-31\nfrom =")
    assert "`to` of the period from 2025-01-01 is 9999-12-31, after" in refusal("x.toml", late)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.toml", FLAT.replace("2025-01-01", "2052-01-01")),
        ("x.json", rates("2052-01-01T00:00:00Z", None)),
        ("x.csv", "start,import_pence\n2052-01-01T00:00Z,1\n"),
    ],
)
def test_a_first_price_far_ahead_is_said_to_be(name, text):
    assert refusal(name, text) == (
        f"{name} cannot be loaded: its first price begins 2052-01-01, more than two years ahead:"
        " correct the date."
    )


def test_a_page_with_a_number_of_any_length_is_missing():
    address = f"https://example.org/rates/?page={'9' * 5000}"
    page = {"next": address, "results": json.loads(rates("2025-01-01T00:00:00Z", None))}
    assert "The file lacks page 999999999 of the answer" in refusal("x.json", json.dumps(page))


def test_the_entry_with_a_wrong_time_is_shown():
    message = refusal("x.json", rates(None, "2025-01-01T00:00:00Z"))
    assert message.endswith(
        "valid_from is None, which is not a UTC time at a whole half hour, in the entry"
        ' {"value_inc_vat": 20.0, "valid_from": null, "valid_to": "2025-01-01T00:00:00Z"}: save'
        " the answer again, or correct the entry."
    )
    message = refusal("x.json", rates("2025-01-01T00:00:00Z", "2025-01-02T00:00:15Z"))
    assert "valid_to is '2025-01-02T00:00:15Z', which is not" in message
    assert '"valid_from": "2025-01-01T00:00:00Z"' in message


def test_two_periods_of_the_same_begin_are_refused():
    period = FLAT[FLAT.index("[[") :]
    assert "Two periods begin on 2025-01-01: remove one." in refusal("x.toml", FLAT + period)
    closed = period.replace("from =", "to = 2025-02-01\nfrom =")
    assert "Two periods begin on 2025-01-01: remove one." in refusal("x.toml", closed + period)


def test_what_is_no_file_of_a_tariff_is_not_read(tmp_path):
    pipe, large, other = (tmp_path / name for name in ("x.csv", "y.json", "z.zip"))
    os.mkfifo(pipe)
    for path in (large, other):
        path.touch()
        os.truncate(path, 10**9)
    with Lake(tmp_path / "data") as lake:
        for path, message in (
            ("/dev/zero", "zero has not the ending of a tariff"),
            (pipe, "is a pipe or a device: save its content as a file"),
            (large, "has 1,000 MB, and files of tariffs at most 50 MB"),
            (other, "z.zip has not the ending of a tariff"),
            (tmp_path / "y.json" / "x.toml", "There is no file"),
        ):
            with pytest.raises(TariffError, match=message):
                load_tariff(lake, Path(path), LoadOptions("import"), "x", NOW)
        assert read_loads(lake.folder) == []
