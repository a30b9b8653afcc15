"""Fixtures of the stores' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.lake import Lake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def lake(folder: Path) -> Iterator[Lake]:
    with Lake(folder) as opened:
        yield opened
