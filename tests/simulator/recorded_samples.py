"""Recordings beside the repository, and what the tests compare of them: leaves and their types."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[2].parent / "shared"))
SAMPLES = SHARED / "samples"
ABSENT = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recordings on this machine")


def sample(name: str) -> Any:
    """A recording as JSON."""
    return json.loads((SAMPLES / name).read_bytes())


def leaves(value: Any, path: str = "") -> set[tuple[str, str]]:
    """(path, JSON type) of each leaf; list positions left out, numbers are one type."""
    if isinstance(value, dict):
        return {leaf for key, held in value.items() for leaf in leaves(held, f"{path}.{key}")}
    if isinstance(value, list):
        return {leaf for held in value for leaf in leaves(held, f"{path}[]")}
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}
    return {(path, kinds[type(value)])}
