"""Every benchmark starts: the names it imports exist, and the index has its command."""

from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INDEX = (ROOT / "benchmarks/README.md").read_text()
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "benchmarks").rglob("[!_]*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_what_a_benchmark_imports_exists(name):
    assert import_module(name).__doc__


def test_the_index_has_every_command():
    commands = {name for name in MODULES if "parser(__doc__)" in source_of(name)}
    listed = {f"benchmarks.{cells[1].strip(' `')}" for cells in rows_of(INDEX)}
    assert listed == commands


def source_of(name):
    return (ROOT / f"{name.replace('.', '/')}.py").read_text()


def rows_of(text):
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    assert rows
    return rows
