"""Servers and packages that only some tests need: skipped where there is none, an error in CI."""

import importlib
import importlib.util
import os
from typing import Any

import pytest

_REQUIRED = "GIVLAKE_REQUIRE_SERVERS"


def required(name: str) -> Any:
    """Import a package that only these tests need."""
    if importlib.util.find_spec(name) is None:
        skip_or_fail(f"there is no package {name}")
    return importlib.import_module(name)


def skip_or_fail(reason: str) -> None:
    """Skip the test because a server is missing; fail where servers are required, as in CI."""
    if os.environ.get(_REQUIRED):
        pytest.fail(reason)
    pytest.skip(f"{reason}: run make .venv/servers")
