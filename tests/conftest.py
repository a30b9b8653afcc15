"""What holds for every test: its clock, see `tests/support/clock.py`, and its simulators.

A test that starts Python processes has the marker `processes`, or fails. Warnings that libraries
give of themselves are left out by name; all others are shown.
"""

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from simulator import Simulator, SimulatorConfig
from tests.support import clock

# What libraries say of themselves, which nothing here can change.
OF_OTHERS = (
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning:dagster",
    "ignore:'imghdr' is deprecated:DeprecationWarning:apprise",
)


# Fixtures of tests that fetch from a simulator into a data folder.
END_TO_END = {"own", "owner", "home"}

# How long an example takes depends on what else the machine does.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer to run the tests at another moment."""
    parser.addoption(
        "--clock",
        default=clock.DEFAULT,
        help=f"moment that tests run at, past and with zone; default: {clock.DEFAULT}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set the clock before modules of tests are imported; leave out warnings of others' code."""
    # Processes that tests start find `tests.support` as the tests themselves do.
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    for known in OF_OTHERS:
        config.addinivalue_line("filterwarnings", known)
    try:
        moment = clock.moment_of(config.getoption("clock"))
    except ValueError as error:
        raise pytest.UsageError(f"--clock: {error}") from error
    # With several workers this process runs no test, and starts them at the machine's time.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        clock.begin(moment)


# Looking for garbage among what imports leave takes a fifth of the time that they take.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage among what tests leave, and not among what was imported."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests from end to end; leave out, at another moment, those that have their own."""
    for item in items:
        if not END_TO_END.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("end_to_end")
    if config.getoption("clock") == clock.DEFAULT:
        return
    own = [item for item in items if _has_its_own_moment(item)]
    if own:
        config.hook.pytest_deselected(items=own)
        items[:] = [item for item in items if item not in set(own)]


def _has_its_own_moment(item: pytest.Item) -> bool:
    named = getattr(getattr(item, "callspec", None), "params", {}).get("moment")
    at_real_time = "machine_clock" in getattr(item, "fixturenames", ())
    return named is not None or at_real_time


def pytest_report_header(config: pytest.Config) -> str:
    """Say when it is."""
    return f"clock: {config.getoption('clock')}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let each test begin at the moment, or after what its module shares."""
    _PYTHON_PROCESSES.clear()
    clock.start_test(item.path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that started a Python process, if no marker says that it does."""
    yield
    if _PYTHON_PROCESSES and item.get_closest_marker("processes") is None:
        pytest.fail(f"needs @pytest.mark.processes: it started {_PYTHON_PROCESSES[0]}")


_PYTHON_PROCESSES: list[str] = []


def _note_python_process(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and Path(arguments[0]).parent == Path(sys.executable).parent:
        _PYTHON_PROCESSES.append(os.fspath(arguments[0]))


sys.addaudithook(_note_python_process)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object],
) -> Generator[None, object, object]:
    """See what a module's tests share."""
    made = yield
    if fixturedef.scope in ("class", "module", "package"):
        clock.keep_on()
    return made


@pytest.fixture(autouse=True)
def moment(request: pytest.FixtureRequest) -> Iterator[datetime]:
    """Run a test at the moment that `at_notable_moments` names, or at the session's."""
    named = getattr(request, "param", None)
    if named is None:
        yield datetime.now(UTC)
    else:
        with clock.at(named) as now:
            yield now


@pytest.fixture
def simulator_defaults() -> Mapping[str, object]:
    """Give what `simulate` sets unless a test says otherwise; folders and modules override it."""
    return {}


@pytest.fixture
def simulate(simulator_defaults: Mapping[str, object]) -> Iterator[Callable[..., Simulator]]:
    """Make running simulators by settings of `SimulatorConfig`; they end with the test."""
    with ExitStack() as running:

        def start(**settings: Any) -> Simulator:
            config = SimulatorConfig(**{"seed": 7, **simulator_defaults, **settings})
            return running.enter_context(Simulator(config))

        yield start
