"""Days in options: dates, months, years and words, in the account's zone and by the API's clock."""

import json
from datetime import UTC, date, datetime

import click
import pytest

from givenergy.server_clock import correct_clock
from pipelines.cli.days import FIRST_DAY, LAST_DAY
from tests.support import clock
from tests.support.settings import settings_of


@pytest.fixture
def state(tmp_path):
    """Return a function that stores the state of a data folder."""
    (tmp_path / "data").mkdir()

    def store(**values):
        (tmp_path / "data" / "state.json").write_text(json.dumps(values))

    yield store
    correct_clock(0.0)


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a first and a last day as a command does."""

    def read_day(text, **settings):
        context = click.Context(click.Command("any"))
        context.obj = settings_of({"GIVLAKE_DATA": str(tmp_path / "data"), **settings})
        with context:
            return tuple(kind.convert(text, None, context) for kind in (FIRST_DAY, LAST_DAY))

    return read_day


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025-06-03", date(2025, 6, 3), date(2025, 6, 3)),
        ("2025-06", date(2025, 6, 1), date(2025, 6, 30)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2025", date(2025, 1, 1), date(2025, 12, 31)),
    ],
)
def test_a_month_or_a_year_is_its_first_day_or_its_last(read, text, first, last):
    assert read(text) == (first, last)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", date(2026, 5, 1)),
        ("Yesterday", date(2026, 4, 30)),
        ("-1d", date(2026, 4, 30)),
        ("-0d", date(2026, 5, 1)),
        ("-30d", date(2026, 4, 1)),
        ("-4w", date(2026, 4, 3)),
    ],
)
def test_words_count_from_today_where_the_account_is(read, text, day):
    """In UTC it is still April."""
    with clock.at("2026-05-01T00:05+01:00"):
        assert read(text) == (day, day)


def test_today_is_in_the_stored_zone_unless_another_is_set(read, state):
    with clock.at("2026-05-01T00:05+01:00"):
        state(account_zone="America/New_York")
        assert read("today")[0] == date(2026, 4, 30)
        assert read("today", GIVLAKE_TIMEZONE="Pacific/Auckland")[0] == date(2026, 5, 1)


def test_today_is_by_the_clock_of_the_api(read, state):
    with clock.at("2026-05-02T12:00+01:00"):
        a_day_ahead = {"ahead_s": 86_400.0, "at": datetime(2026, 5, 2, 10, tzinfo=UTC).isoformat()}
        state(clock=a_day_ahead)
        assert read("today")[0] == date(2026, 5, 1)
        state(clock=None)
        assert read("today")[0] == date(2026, 5, 2)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2025-13", "2025-02-30", "0000", "0000-05", "25-06-01", "2025-6-1", "20250601",
     "2025-W22-7", "30d", "-d", "-123456d", "-3m", "+1d", "²025", "٢٠٢٥", "2025-06-01T00:00"],
)  # fmt: skip
def test_other_texts_are_named_with_what_can_be_written(read, text):
    with pytest.raises(click.BadParameter) as refused:
        read(text)
    assert refused.value.message == (
        f"{text!r} is not a day: write a day such as 2025-06-01, a month (2025-06), a year (2025),"
        " today, yesterday, -30d or -4w."
    )


@pytest.mark.slow
def test_commands_take_days_in_words_and_the_folder_of_the_option_gives_the_zone(
    own, simulate, tmp_path
):
    owner = own(simulate(inverters=1))
    with clock.at("2026-05-01T00:05+01:00"):
        done = owner.givlake("plan", "--start", "-2d", "--end", "yesterday")
        assert done.out.startswith("1 device, 2026-04-29 to 2026-04-30:")
        # A year that is not over ends today.
        done = owner.givlake("plan", "--start", "2026-04", "--end", "2026")
        assert done.out.startswith("1 device, 2026-04-01 to 2026-05-01:")
        # The option is read first, wherever it stands.
        folder = tmp_path / "other"
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps({"account_zone": "America/New_York"}))
        target = tmp_path / "out"
        done = owner.givlake("export", "--start", "tomorrow", "--to", target, "--data", folder)
        assert done.status == 2
        assert "'tomorrow' is not a day" in done.err
        done = owner.givlake(
            "export", "--start", "2026-05-01", "--end", "today", "--to", target, "--data", folder
        )
        assert "The start 2026-05-01 is after the end 2026-04-30: swap the two." in done.err
    for text in ("-30d", "-4w"):
        done = owner.givlake("plan", f"--start={text}", "--end", "today")
        assert (done.status, done.err) == (0, "")
