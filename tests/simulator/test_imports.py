"""No module of the simulator imports, directly or not, a module that imports it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path, modules):
    """Give the modules that a file imports, at its top, in functions or for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else node.module


def test_no_import_circles():
    modules = {module_name(path): path for path in ROOT.glob("simulator/**/*.py")}
    graph = {
        name: {other for other in imported(path, modules) if other in modules}
        for name, path in modules.items()
    }
    assert sum(map(len, graph.values())) > 100
    TopologicalSorter(graph).prepare()


def test_all_imports_are_at_the_top():
    for path in ROOT.glob("simulator/**/*.py"):
        tree = ast.parse(path.read_text())
        nested = [
            node
            for outer in ast.walk(tree)
            if outer is not tree
            for node in ast.iter_child_nodes(outer)
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert not nested, path
