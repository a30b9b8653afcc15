"""Which tariff was in force when, as the owner says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from pipelines.tariffs.price_series import EARLIEST, TariffError
from pipelines.tariffs.tariff_store import known_name, read_loads
from warehouse import owner_inputs
from warehouse.lake import Lake


def use_tariff(lake: Lake, tariff: str, first: date, until: date | None) -> list[dict[str, Any]]:
    """Say which tariff was in force between two local dates; earlier statements are cut.

    Args:
        lake: The data folder.
        tariff: Its name.
        first: Its first day.
        until: The first day that is not in it; None for still.

    Returns:
        The rows of `tariffs_in_force`, by date.

    Raises:
        TariffError: There is no such tariff, or the dates are in the wrong order or too early.
        WarehouseError: The data folder cannot be used.
    """
    if first < EARLIEST:
        raise TariffError(
            f"The tariff would apply from {first}: --from is {EARLIEST} or later, as prices are."
        )
    if until is not None and until <= first:
        raise TariffError(
            f"The tariff would apply from {first} to {until}: --to is the first day on which it no"
            " longer does, after --from."
        )
    with owner_inputs.lock(lake):
        known_name(tariff, read_loads(lake.folder))
        name = "tariffs_in_force"
        ranges = with_range(owner_inputs.read(lake.folder, name).to_pylist(), tariff, first, until)
        owner_inputs.write(lake, name, pa.Table.from_pylist(ranges, owner_inputs.SCHEMAS[name]))
    return ranges


def with_range(
    ranges: Sequence[dict[str, Any]], tariff: str, first: date, until: date | None
) -> list[dict[str, Any]]:
    """Return ranges of dates with another, which takes its days from the others.

    Args:
        ranges: Rows of `tariffs_in_force`, which do not overlap.
        tariff: The tariff of the other range.
        first: Its first day.
        until: The first day that is not in it; None for no end.
    """
    end = until or date.max
    found = [(tariff, first, end)]
    for each in ranges:
        begins, ends = each["from_date"], each["to_date"] or date.max
        found += [
            (each["tariff"], begin, stop)
            for begin, stop in ((begins, min(ends, first)), (max(begins, end), ends))
            if begin < stop
        ]
    joined: list[tuple[str, date, date]] = []
    for name, begin, stop in sorted(found, key=lambda each: each[1]):
        if joined and joined[-1][0] == name and joined[-1][2] == begin:
            joined[-1] = (name, joined[-1][1], stop)
        else:
            joined.append((name, begin, stop))
    return [
        {"tariff": name, "from_date": begin, "to_date": None if stop == date.max else stop}
        for name, begin, stop in joined
    ]
