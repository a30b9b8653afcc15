"""The dashboard's page: contrast of its colours, texts in every language, size of its modules."""

import json
import re
from hashlib import sha256
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.dashboard.page_files import page_file
from tests.support.page_colours import (
    CLEAR_DISTANCE,
    GRAPHIC_CONTRAST,
    GRAPHICS,
    TEXT_CONTRAST,
    TEXTS,
    contrast,
    nearest,
    page_colours,
    sights,
    tables,
)

ROOT = Path(__file__).parents[2]
PAGE = resources.files("pipelines.dashboard").joinpath("page")
LANGUAGES = ("en", "de", "fr", "nl")
MOST_LINES = 330
_KEY = re.compile(r'^  "([\w.]+)": (.*?),?$', re.MULTILINE)
_PARAMETER = re.compile(r"\{(\w+)\}")


def modules() -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in PAGE.iterdir()
        if path.name.endswith(".js")
    }


def messages(language: str) -> dict[str, set[str]]:
    """Return the parameters of each message of a language."""
    text = "".join(modules()[f"{kind}-{language}.js"] for kind in ("messages", "words"))
    starts = [(match[1], match.start()) for match in _KEY.finditer(text)]
    starts.append(("", len(text)))
    return {
        key: set(_PARAMETER.findall(text[start:end])) for (key, start), (_, end) in pairwise(starts)
    }


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_have_the_contrast_of_level_aa(mode: str) -> None:
    colours = page_colours()[mode]
    low_graphics = [
        name for name in GRAPHICS if contrast(colours[name], colours["card"]) < GRAPHIC_CONTRAST
    ]
    low_texts = [
        pair for pair in TEXTS if contrast(colours[pair[0]], colours[pair[1]]) < TEXT_CONTRAST
    ]
    assert (low_graphics, low_texts) == ([], [])


@pytest.mark.parametrize("sight", sights())
def test_the_colour_blind_can_tell_the_roles_apart(sight: str) -> None:
    for colours in page_colours().values():
        distance, one, other = nearest(colours, sight)
        assert distance >= CLEAR_DISTANCE, f"{one} and {other}"


def test_the_design_document_has_the_present_figures() -> None:
    assert tables() in (ROOT / "docs/dashboard-design.md").read_text(encoding="utf-8")


def test_dark_by_the_system_and_by_choice_are_the_same() -> None:
    styles = page_file("styles.css").decode()
    chosen = re.search(
        r'^:root\[data-theme="dark"\]\S* \{(.*?)^\}', styles, re.MULTILINE | re.DOTALL
    )
    by_system = re.search(r"^  :root:not\(.*?\{(.*?)^  \}", styles, re.MULTILINE | re.DOTALL)
    assert chosen is not None
    assert by_system is not None
    assert chosen[1].split() == by_system[1].split()


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_has_every_text_with_its_parameters(language: str) -> None:
    assert messages(language) == messages("en")


def test_every_text_that_the_modules_name_is_there() -> None:
    known = messages("en")
    used = {
        key
        for name, text in modules().items()
        if not name.startswith(("messages-", "words-"))
        for key in re.findall(r'translate\(\s*"([\w.]+)"', text)
    }
    assert len(used) > 100
    assert used - set(known) == set()


def test_modules_are_short() -> None:
    assert {
        name: len(text.splitlines())
        for name, text in modules().items()
        if len(text.splitlines()) > MOST_LINES
    } == {}


def test_no_module_makes_markup_of_text() -> None:
    unsafe = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    )
    assert {name for name, text in modules().items() if unsafe.search(text)} == set()


def test_the_vendored_library_is_the_one_that_its_file_describes() -> None:
    vendor = PAGE.joinpath("vendor")
    described = json.loads(vendor.joinpath("echarts.json").read_text(encoding="utf-8"))
    content = vendor.joinpath(described["file"]).read_bytes()
    assert (sha256(content).hexdigest(), len(content)) == (described["sha256"], described["bytes"])
    for name in described["license_files"]:
        assert vendor.joinpath(name).read_text(encoding="utf-8")
