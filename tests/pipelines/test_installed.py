"""An installation as by `pip install .`, pipx or uv: the wheel without the project folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.dagster_page import page
from tests.support.import_graph import REPOSITORY
from tests.support.timeouts import TIMEOUT_S

PACKAGES = ("assets", "givenergy", "pipelines", "simulator", "warehouse")


# PYTHONPATH has this project's folder, in tests.
NOT_OF_A_USER = ("GIVLAKE_", "GIVENERGY_", "DAGSTER_", "PYTHON")


def environment() -> dict[str, str]:
    kept = os.environ.items()
    return {name: text for name, text in kept if not name.startswith(NOT_OF_A_USER)}


def output(*command: object, folder: Path) -> str:
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory) -> Path:
    """A virtual environment with the wheel, which sees the dependencies of this environment."""
    folder = tmp_path_factory.mktemp("installation")
    project, installed = folder / "project", folder / "environment"
    project.mkdir()
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, project / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, project)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    wheel = output(sys.executable, "-c", build, folder=project).splitlines()[-1]
    shutil.rmtree(project)

    output(sys.executable, "-m", "venv", installed, folder=folder)
    pip = (installed / "bin" / "python", "-m", "pip", "install", "--no-index", "--no-deps")
    output(*pip, folder / wheel, folder=folder)
    (packages,) = installed.glob("lib/python*/site-packages")
    # Files with the suffix .pth in that folder are not read: this project's own code is not found.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return installed


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.usefixtures("machine_clock")
def test_an_installation_has_all_that_demo_and_ui_need(installation, tmp_path):
    givlake = installation / "bin" / "givlake"
    # A folder of the same name as a package must not be taken for it.
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "__init__.py").write_text("raise RuntimeError('another package')")

    where = "import pipelines; print(pipelines.__file__)"
    found = output(installation / "bin" / "python", "-P", "-c", where, folder=tmp_path)
    assert Path(found.strip()).is_relative_to(installation)
    demo = ("demo", "--days", 1, "--inverters", 1)
    shown = output(givlake, *demo, folder=tmp_path)
    assert "Ingested 1 days and today of 1 inverters" in shown
    assert "ui --demo data-demo" in shown

    with page(tmp_path, environment(), "--demo", "data-demo", program=givlake) as dagster:
        locations = dagster.graphql(
            "{workspaceOrError{... on Workspace{locationEntries{locationOrLoadError{__typename}}}}}"
        )["workspaceOrError"]["locationEntries"]
        assert locations == [{"locationOrLoadError": {"__typename": "RepositoryLocation"}}]
        assert dagster.run("poll") == "SUCCESS"


def test_the_instance_is_the_same_with_and_without_the_project_folder():
    packaged = REPOSITORY / "pipelines" / "dagster.yaml"
    assert packaged.read_text() == (REPOSITORY / "dagster.yaml").read_text()


def test_the_pins_name_no_index_and_each_package_once():
    names: list[str] = []
    for file in sorted(REPOSITORY.glob("constraints*.txt")):
        text = file.read_text()
        assert "://" not in text
        assert "index" not in text
        pinned = [line.split("==")[0] for line in text.splitlines() if "==" in line]
        names += {*pinned}
    assert len(names) == len({*names})
    assert {"dagster", "pytest", "sphinx"} <= {*names}


@pytest.mark.processes
@pytest.mark.slow
def test_packages_that_cannot_be_installed_end_with_the_reason(tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / ".ci" / "install.py"), "environment", "pins.txt"],
        cwd=tmp_path,
        # Without uv, and without an index.
        env={**environment(), "PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == "Installing 1 packages of pins.txt into environment with pip.\n"
    assert "No matching distribution found for no-such-package==1.0" in done.stderr
    assert done.stderr.endswith("The packages could not be installed; the reason is above.\n")
