"""Tests in a browser are skipped where there is none, but not where there must be one."""

import os
import subprocess
import sys

import pytest

from tests.support import find_chromium
from tests.support.browser import REQUIRED, chromium_path


@pytest.fixture
def program(tmp_path):
    """Make a program that ends with a status, which `find_chromium` is to look at."""

    def make(status, name="chromium"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nexit {status}\n")
        path.chmod(0o755)
        return path

    return make


def test_a_named_browser_is_taken_only_if_it_starts(monkeypatch, program):
    path = program(0)
    monkeypatch.setenv("CHROMIUM", str(path))
    assert find_chromium.find_chromium() == str(path)
    monkeypatch.setenv("CHROMIUM", f"{path}-of-another-machine")
    assert find_chromium.find_chromium() is None


def test_a_program_that_only_tells_how_to_install_a_browser_is_passed_over(
    monkeypatch, program, tmp_path
):
    program(1, "chromium-browser")
    chrome = program(0, "google-chrome")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(find_chromium, "_MACOS", ())
    assert find_chromium.find_chromium() == str(chrome)
    chrome.unlink()
    assert find_chromium.find_chromium() is None


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_without_a_browser_tests_are_skipped_unless_one_is_required(monkeypatch, required, outcome):
    monkeypatch.setenv("CHROMIUM", "/nowhere")
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(outcome, match="no Chromium found"):
        chromium_path()


@pytest.mark.processes
def test_ci_is_told_in_one_line_why_there_is_no_browser():
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.find_chromium", "--install"],
        env={**os.environ, "CHROMIUM": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "No Chromium, so tests in a browser are skipped: CHROMIUM=/nowhere does not start.\n"
    )
