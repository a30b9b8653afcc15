"""What holds for every test: none goes on over midnight, as many look at today's date.

Warnings that libraries give of themselves are left out by name; all others are shown.
"""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

ZONES = (UTC, ZoneInfo("Europe/London"))
LONGEST_TEST = timedelta(minutes=2)


# What libraries say of themselves, which nothing here can change.
OF_OTHERS = (
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning:dagster",
    "ignore:'imghdr' is deprecated:DeprecationWarning:apprise",
)


def pytest_configure(config: pytest.Config) -> None:
    """Leave out warnings that are not about this code."""
    for known in OF_OTHERS:
        config.addinivalue_line("filterwarnings", known)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Wait for the new day if it is about to begin."""
    while (left := until_midnight(datetime.now(UTC))) < LONGEST_TEST:
        time.sleep(left.total_seconds() + 0.1)


def until_midnight(now: datetime) -> timedelta:
    """Say how long it is until the next day begins in UTC or in London."""
    later = (now + LONGEST_TEST).replace(microsecond=0)
    return min(
        (
            later.astimezone(zone).replace(hour=0, minute=0, second=0).astimezone(UTC) - now
            for zone in ZONES
            if later.astimezone(zone).date() != now.astimezone(zone).date()
        ),
        default=LONGEST_TEST,
    )
