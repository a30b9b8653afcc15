"""Common to all tests: the clock (see `tests/support/clock.py`) and simulators.

A test that starts Python processes without the marker `processes` fails. Warnings of libraries are
suppressed by name; all others are shown.
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

# Warnings of libraries that cannot be fixed here.
LIBRARY_WARNINGS = (
    "ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning:dagster",
    "ignore:'imghdr' is deprecated:DeprecationWarning:apprise",
)


# Fixtures of tests that fetch from a simulator into a data folder.
END_TO_END = {"own", "owner", "home"}

# How long an example takes depends on what else the machine does.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option `--clock`."""
    parser.addoption(
        "--clock",
        default=clock.DEFAULT,
        help=f"moment that tests run at, past and with zone; default: {clock.DEFAULT}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set the clock before test modules are imported; suppress warnings of libraries."""
    # Processes that tests start can import `tests.support` as well.
    folders = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    for known in LIBRARY_WARNINGS:
        config.addinivalue_line("filterwarnings", known)
    try:
        moment = clock.moment_of(config.getoption("clock"))
    except ValueError as error:
        raise pytest.UsageError(f"--clock: {error}") from error
    # With several workers this process runs no tests and starts the workers at the machine's time.
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        clock.begin(moment)


# Garbage collection during imports takes a fifth of their time.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage of tests, but not among imported modules."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark end-to-end and slow tests; with `--clock`, deselect tests with a moment of their own."""
    shown_by_a_case: set[str] = set()
    for item in items:
        if not END_TO_END.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("end_to_end")
        if item.get_closest_marker("slow_but_first") and not item.get_closest_marker("slow"):
            test = item.nodeid.partition("[")[0]
            if test in shown_by_a_case:
                item.add_marker("slow")
            shown_by_a_case.add(test)
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
    """Report the moment of the tests."""
    return f"clock: {config.getoption('clock')}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the clock for a test: to the moment, or after its module's shared fixtures."""
    _PYTHON_PROCESSES.clear()
    clock.start_test(item.path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that started a Python process without the marker `processes`."""
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
    """Track a module's shared fixtures."""
    result = yield
    if fixturedef.scope in ("class", "module", "package"):
        clock.keep_on()
    return result


@pytest.fixture(autouse=True)
def moment(request: pytest.FixtureRequest) -> Iterator[datetime]:
    """Set the clock to the moment of `at_notable_moments`, or keep the session's."""
    named = getattr(request, "param", None)
    if named is None:
        yield datetime.now(UTC)
    else:
        with clock.at(named) as now:
            yield now


@pytest.fixture
def simulator_defaults() -> Mapping[str, object]:
    """Return the default settings of `simulate`; folders and modules override them."""
    return {}


@pytest.fixture
def simulate(simulator_defaults: Mapping[str, object]) -> Iterator[Callable[..., Simulator]]:
    """Return a function that starts a simulator, which stops at the end of the test."""
    with ExitStack() as running:

        def start(**settings: Any) -> Simulator:
            config = SimulatorConfig(**{"seed": 7, **simulator_defaults, **settings})
            return running.enter_context(Simulator(config))

        yield start


@pytest.fixture
def machine_clock() -> Iterator[None]:
    """Run a test at the machine's time: gRPC, by which Dagster's processes talk, goes by that.

    A deadline that Python's clock gives it is over at once where that clock is behind. Such a test
    must hold on any date and at any hour.
    """
    with clock.at(None):
        yield
