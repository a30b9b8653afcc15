"""The import graph of the packages: cycles between modules, and imports between sub-folders.

    python -m tests.support.import_graph

prints lines per package, the cycles, and a table of the imports. `from package import name` counts
as an import of the submodule `name` where there is one, else of the package itself. Imports inside
functions count as well. That Python runs `package/__init__.py` before any of its submodules does
not count.
"""

from __future__ import annotations

import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("givenergy", "warehouse", "assets", "pipelines", "simulator")


def modules(packages: tuple[str, ...] = PACKAGES) -> dict[str, Path]:
    """Return the path of every module of some packages, by dotted name."""
    found = {}
    for package in packages:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(paths: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return which of some modules each of them imports."""
    return {name: set(_imported(path, paths)) - {name} for name, path in paths.items()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return one import cycle, or none; further ones show once it is removed."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def folder_of(module: str, paths: Mapping[str, Path]) -> str:
    """Return the sub-folder that a module belongs to, such as `warehouse.storage`."""
    return ".".join(paths[module].parent.relative_to(REPOSITORY).parts)


def arrows(graph: Mapping[str, set[str]], paths: Mapping[str, Path]) -> Counter[tuple[str, str]]:
    """Count the imports from one sub-folder into another."""
    counted: Counter[tuple[str, str]] = Counter()
    for module, targets in graph.items():
        source = folder_of(module, paths)
        counted.update(
            (source, folder) for t in targets if (folder := folder_of(t, paths)) != source
        )
    return counted


def _imported(path: Path, paths: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in paths)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                if submodule in paths:
                    yield submodule
                elif node.module in paths:
                    yield node.module


def main() -> None:
    """Print the figures about the packages that `docs/architecture.md` has."""
    paths = modules()
    graph = imports(paths)
    print("package      files  lines  median  p90  max")
    for package in PACKAGES:
        lines = sorted(
            len(path.read_text(encoding="utf-8").splitlines())
            for name, path in paths.items()
            if name.split(".")[0] == package
        )
        p90 = statistics.quantiles(lines, n=10)[-1]
        middle = statistics.median(lines)
        print(f"{package:12} {len(lines):5} {sum(lines):6} {middle:7.0f} {p90:4.0f} {lines[-1]:4}")
    print("\ncircles:", circles(graph) or 0)
    by_source: dict[str, list[str]] = defaultdict(list)
    for (source, target), count in sorted(arrows(graph, paths).items()):
        by_source[source].append(f"{target} ({count})")
    print("\nfolder -> imports from (number of imports)")
    for source, targets in by_source.items():
        print(f"{source:35} -> {', '.join(targets)}")


if __name__ == "__main__":
    main()
