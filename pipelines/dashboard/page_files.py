"""The files of the page; its ES modules are joined into one script, so that one request gets all.

A module has its imports at the top, one per line, and exports functions, constants and classes.
Joined, they share one scope: a name at the top level of one is that of no other.
"""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources

_MAIN = "main.js"
_IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"\./([\w-]+\.js)";?[ \t]*\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|const|let|class)", re.MULTILINE)
_LEFT = re.compile(r"^(import|export)\b.*", re.MULTILINE)
_NAME = re.compile(r"^(?:async )?(?:function\*?|const|let|var|class)\s+([\w$]+)", re.MULTILINE)


@cache
def page_file(name: str) -> bytes:
    """Return a file of the page: one of `page`, or `dashboard.js`, its joined modules.

    Raises:
        FileNotFoundError: There is none of this name.
        ValueError: The modules cannot be joined.
    """
    folder = resources.files("pipelines.dashboard").joinpath("page")
    if name == "dashboard.js":
        texts = {
            path.name: path.read_text(encoding="utf-8")
            for path in folder.iterdir()
            if path.name.endswith(".js")
        }
        return joined(texts).encode()
    return folder.joinpath(*name.split("/")).read_bytes()


@cache
def fingerprint(name: str) -> str:
    """Return a short hash of a file of the page.

    Raises:
        FileNotFoundError: There is none of this name.
    """
    return sha256(page_file(name)).hexdigest()[:16]


def joined(texts: Mapping[str, str], main: str = _MAIN) -> str:
    """Return ES modules as one script, each after those that it imports.

    Args:
        texts: The modules by name.
        main: The module that nothing imports.

    Raises:
        ValueError: A module imports one that is not there, modules import each other, two have a
            top-level name in common, or an import or export is of another form.
    """
    parts: list[str] = []
    owners: dict[str, str] = {}
    done: set[str] = set()

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ValueError(f"these modules import each other: {', '.join((*importers, name))}")
        if name in done:
            return
        if name not in texts:
            raise ValueError(f"{importers[-1] if importers else 'page'} imports no module {name}")
        text = texts[name]
        for imported in _IMPORT.findall(text):
            add(imported, (*importers, name))
        done.add(name)
        text = _EXPORT.sub("", _IMPORT.sub("", text))
        if (left := _LEFT.search(text)) is not None:
            raise ValueError(f"{name} has {left[0]!r}, which cannot be joined")
        for declared in _NAME.findall(text):
            if (owner := owners.setdefault(declared, name)) != name:
                raise ValueError(f"{owner} and {name} both have the top-level name {declared!r}")
        parts.append(f"// {name}\n{text.strip()}\n")

    add(main, ())
    # A script in strict mode with a scope of its own, as modules are.
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"
