"""Configuration of the documentation site that `make docs` builds."""

import logging
import re
import shutil
from pathlib import Path
from typing import cast

from sphinx.application import Sphinx

from givenergy.version import __version__

# The packages that autodoc imports bring in Alembic, which logs each of its plugins.
logging.getLogger("alembic").setLevel(logging.WARNING)

project = "givlake"
author = "givlake contributors"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"

# Links to headings are checked, with the anchors that git hosts make.
myst_heading_anchors = 6

# A member is documented in the module that defines it, not again in the package that exports it.
autodoc_default_options = {
    "ignore-module-all": True,
    "members": True,
    "member-order": "bysource",
    "show-inheritance": True,
}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 100
napoleon_use_ivar = True
toc_object_entries = False
# A class attribute called `bytes` or `type` competes with the builtin of that name.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"givlake {release}"
html_copy_source = False

_CODE = re.compile(r"(?<![`:])`([^`]+)`(?!`)(\w?)")


def _mark_code(*event: object) -> None:
    """Turn the single backticks of a docstring into the double ones of reStructuredText."""
    lines = cast("list[str]", event[-1])
    lines[:] = _CODE.sub(_literal, "\n".join(lines)).split("\n")


def _literal(code: re.Match[str]) -> str:
    # No letter may follow a literal: a backslash and a space, which print nothing, end it before.
    return f"``{code[1]}``" + (rf"\ {code[2]}" if code[2] else "")


def _append_table_of_contents(_app: Sphinx, document: str, source: list[str]) -> None:
    """Give the README the table of contents, which git hosts would show as raw text."""
    if document == root_doc:
        source[0] += Path(__file__).with_name("contents.md").read_text(encoding="utf-8")


def _make_readme_front_page(app: Sphinx, _error: Exception | None) -> None:
    page = Path(app.outdir, f"{root_doc}.html")
    if page.exists():
        shutil.copyfile(page, page.with_name("index.html"))


def setup(app: Sphinx) -> None:
    """Register the hooks of this file."""
    app.connect("autodoc-process-docstring", _mark_code, priority=400)  # before napoleon
    app.connect("source-read", _append_table_of_contents)
    app.connect("build-finished", _make_readme_front_page)
