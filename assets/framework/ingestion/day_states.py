"""The states of device-days, month by month, in columns that can be compared and grouped.

How a state follows from requests is the warehouse's business.
"""

from collections.abc import Iterator
from datetime import date, datetime

import pyarrow as pa

from assets.framework.contract.dataset import DailyDataset
from warehouse import Lake, coverage_by_month


def day_states(
    lake: Lake,
    dataset: DailyDataset,
    expected: pa.Table,
    start: date,
    end: date,
    *,
    now: datetime,
) -> Iterator[pa.Table]:
    """Give the states of expected device-days between two days, a table for each month.

    The newest month comes first.

    Args:
        lake: the data folder.
        dataset: whose days.
        expected: from when to when days are expected of each, as `Lake.expected` gives them.
        start: first day.
        end: last day.
        now: the present time, UTC.

    Yields:
        Tables in the columns of `warehouse.COVERAGE_SCHEMA`, text instead of dictionaries.
    """
    rules = [dataset.coverage_rule]
    for states in coverage_by_month(lake, rules, expected, start, end, now=now, newest_first=True):
        yield states.cast(
            pa.schema(
                (name, pa.string() if pa.types.is_dictionary(kind) else kind)
                for name, kind in zip(states.schema.names, states.schema.types, strict=True)
            )
        )
