"""A house with a tariff, of which reports are made."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator import Simulator
from tests.support.mart_house import House, fill, house_settings

_TARIFF = """
name = "go"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""


@contextmanager
def report_house(factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a house with days that are not whole, and a tariff."""
    with Simulator(house_settings()) as sim:
        house = fill(sim, factory)
        file = house.owner.folder / "go.toml"
        file.write_text(_TARIFF)
        assert house.owner.givlake("tariffs", "load", file).status == 0
        assert house.owner.givlake("tariffs", "use", "go", "--from", "2024-01-01").status == 0
        yield house


def june_of(house: House) -> str:
    """Return the report of June."""
    done = house.owner.givlake("report", "--month", "2024-06")
    assert done.status == 0, done.output
    (file,) = house.owner.folder.glob("givlake-report-*-2024-06.html")
    return file.read_text(encoding="utf-8")
