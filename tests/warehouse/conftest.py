"""Fixtures of the stores' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clock
from tests.support.toy_decoder import DAY, OTHER_MONTH, answer, day_rows
from warehouse.lake import Lake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def lake(folder: Path) -> Iterator[Lake]:
    with Lake(folder) as opened:
        yield opened


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "published"


@pytest.fixture
def machine_clock() -> Iterator[None]:
    """Delta compares times with the machine's clock."""
    with clock.at(None):
        yield


@pytest.fixture
def two_months(lake: Lake) -> Lake:
    """A folder with a day of one meter, and a day of another in another month."""
    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    lake.archive.append([answer("B", OTHER_MONTH, day_rows(OTHER_MONTH, power=7))])
    return lake
