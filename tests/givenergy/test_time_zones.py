"""What counts as the name of a time zone."""

import pytest

from givenergy.time_zones import usable_zone


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("Europe/Kyiv", "Europe/Kyiv"),
        (" europe/LONDON", "Europe/London"),
        ("utc", "UTC"),
        ("America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("Etc/GMT+2", "Etc/GMT+2"),
    ],
)
def test_iana_names_are_found_whatever_their_letter_case(value, zone):
    assert usable_zone(value) == zone


@pytest.mark.parametrize(
    "value",
    [
        "GMT Standard Time",
        "+02:00",
        "UTC+2",
        "BST",
        "Europe",
        "posix/Europe/London",
        "localtime",
        "Factory",
        "../x",
        "",
        "\0",
        0,
        60,
        True,
        None,
        {"name": "Europe/London"},
        ["Europe/London"],
    ],
)
def test_everything_else_is_no_zone(value):
    assert usable_zone(value) is None
