"""From when on things that begin and end are asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.framework.contract.lookback import Lookback, OpenItem, lookback_start

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def ago(**span):
    return NOW - timedelta(**span)


def start(opened, looks):
    items = [OpenItem("SIM", began_at) for began_at in opened]
    return lookback_start(items, looks, beginning=BEGINNING, now=NOW)


YESTERDAY = Lookback(start=ago(days=4), fetched_at=ago(days=1))


@pytest.mark.parametrize(
    ("opened", "looks", "expected"),
    [
        ([], [], BEGINNING),
        ([ago(days=1)], [], BEGINNING),
        ([], [YESTERDAY], ago(days=4)),
        # The look that came last counts, however long ago.
        ([], [Lookback(BEGINNING, ago(days=90)), Lookback(BEGINNING, ago(days=60))], ago(days=63)),
        ([ago(days=2)], [YESTERDAY], ago(days=4)),
        ([ago(days=29), ago(days=12)], [YESTERDAY], ago(days=29)),
        # Stale, and not looked at for a week.
        ([ago(days=31)], [YESTERDAY], ago(days=31)),
        ([ago(days=31)], [YESTERDAY, Lookback(ago(days=40), ago(days=7))], ago(days=31)),
        # Stale, and looked at within the week.
        ([ago(days=31)], [YESTERDAY, Lookback(ago(days=31), ago(days=6))], ago(days=4)),
        (
            [ago(days=31), ago(days=500)],
            [YESTERDAY, Lookback(ago(days=31), ago(days=6))],
            ago(days=500),
        ),
    ],
)
def test_all_the_first_time_then_from_the_last_look_or_what_is_open(opened, looks, expected):
    assert start(opened, looks) == expected


def test_what_is_open_for_more_than_30_days_is_stale():
    assert not OpenItem("SIM", ago(days=30)).is_stale(NOW)
    assert OpenItem("SIM", ago(days=30, seconds=1)).is_stale(NOW)
