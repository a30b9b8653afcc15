"""The shape of the code: imports without circles, small modules, no name twice."""

import ast
from collections import defaultdict

import pytest

from tests.support.import_graph import REPOSITORY, circles, imports, modules

MAX_LINES = 330

# Names that say in each of two packages what the module is there.
ONE_IN_EACH_PACKAGE = {
    "__main__": ["pipelines.cli.__main__", "simulator.__main__"],
    "endpoints": ["givenergy.endpoints", "simulator.endpoints"],
    "errors": ["givenergy.errors", "warehouse.errors"],
    "framework": ["assets.framework", "simulator.framework"],
}


@pytest.fixture(scope="module")
def paths():
    return modules()


def test_no_module_imports_itself_by_way_of_others(paths):
    assert [" -> ".join(circle) for circle in circles(imports(paths))] == []


def test_no_module_is_long(paths):
    lines = {name: len(path.read_text().splitlines()) for name, path in paths.items()}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}


def test_no_two_modules_have_one_name(paths):
    """But a dataset and the simulator's endpoint that it is read from."""
    by_name = defaultdict(list)
    for module in paths:
        by_name[module.rpartition(".")[2]].append(module)
    shared = {
        name: sorted(found)
        for name, found in by_name.items()
        if len(found) > 1 and found != [f"assets.{name}", f"simulator.endpoints.{name}"]
    }
    assert shared == ONE_IN_EACH_PACKAGE


def test_private_modules_of_dagster_are_imported_by_the_workarounds_only(paths):
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {name}"
        for module, path in paths.items()
        if not module.startswith("pipelines.dagster_workarounds")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _imported(node)
        if name.startswith("dagster._")
    ]
    assert found == []


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
