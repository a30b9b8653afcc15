"""`givlake demo`: a simulated account, fetched, priced and queried, without a token."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import resources
from pathlib import Path

import click

from pipelines.child_environment import demo_environment
from pipelines.cli.common import EXIT_INCOMPLETE, EXIT_USAGE, KnownError, console
from pipelines.cli.dashboard_command import DEFAULT_PORT
from simulator import Simulator, SimulatorConfig
from warehouse.lake import Lake

_OUT = console()
_QUERIES = {
    "Energy by day": "site_days.sql",
    "Charges of the car": "car_sessions.sql",
    "Coverage": "coverage.sql",
}
# Fewer readings than real devices send, and more requests a minute than the API's 300: of these a
# command leaves a fifth to others, so that the demo would wait for the next minute.
_SIMULATED = (
    *("--ev-chargers", "1", "--ev-points-every", "900", "--ems", "1"),
    *("--smart-devices", "1", "--smart-points-every", "3600"),
    *("--cheap-hours", "00:30-05:30", "--rate-limit", "600"),
)
# The first is in force; the other is to compare with.
_TARIFFS = ("two-rate", "flat")
_TARIFFS_FROM = "2016-01-01"
_START_TIMEOUT_S = 30.0
_DAYS = 30
_INVERTERS = 3
_ACCOUNT = "simulated_account"


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=_DAYS,
    show_default=True,
    help="Days of history before today.",
)
@click.option(
    "--inverters",
    type=click.IntRange(1, 100),
    default=_INVERTERS,
    show_default=True,
    help="Number of inverters.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data-demo"),
    show_default=True,
    help="Data folder of the demo.",
)
def demo(days: int, inverters: int, data: Path) -> None:
    """Ingest a simulated account and query it. Needs no token and no network."""
    started = time.monotonic()
    with simulated_account(data, inverters, days) as environment:
        run(environment, "plan")
        run(environment, "backfill")
        ingested_s = time.monotonic() - started
        for name in _TARIFFS:
            with resources.as_file(resources.files(__package__) / "demo_tariffs") as folder:
                tariff = folder / f"{name}.toml"
                _OUT.print(f"\n$ givlake tariffs load {tariff.name}")
                run(environment, "tariffs", "load", str(tariff), echo=False)
        run(environment, "tariffs", "use", _TARIFFS[0], "--from", _TARIFFS_FROM)
        run(environment, "status")
        for title, file in _QUERIES.items():
            sql = resources.files(__package__).joinpath("sql", file).read_text()
            _OUT.print(f"\n{title}:\n{sql}")
            run(environment, "query", "--", sql, echo=False)
    program = "givlake" if shutil.which("givlake") else sys.argv[0]
    _OUT.print(
        f"\nIngested {days} days and today of {inverters} inverters and other devices into {data}"
        f" in {ingested_s:.0f} s."
        "\n\nNext steps:"
        f"\n  {program} ui --demo {data}  (Dagster: assets, days, runs, schedules)"
        f'\n  {program} query --data {data} "SHOW TABLES"'
        f"\n  {program} report --data {data} --month {date.today():%Y-%m}"
        '\nThe README says under "Your own history" how to use your own account.'
        "\n\nLook at the house:"
        f"\n  {program} dashboard --data {data} --open"
        f"\n  http://127.0.0.1:{DEFAULT_PORT}"
    )


@contextmanager
def simulated_account(
    data: Path, inverters: int | None = None, days: int = _DAYS
) -> Iterator[dict[str, str]]:
    """Serve a simulated account and yield the environment in which givlake uses it.

    Args:
        data: The data folder.
        inverters: The number of inverters; None for the number stored in the folder.
        days: The length of the history, unless the folder stores a longer one.
    """
    inverters, commissioned = _stored_account(data, inverters, days)
    token = "demo-token"
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        server = subprocess.Popen(
            [
                sys.executable,
                *("-P", "-m", "simulator", "--port", "0", "--port-file", str(port_file)),
                *("--inverters", str(inverters), "--token", token),
                *("--commissioned", commissioned.isoformat()),
                *_SIMULATED,
            ],
            env=demo_environment({}),
            stdout=subprocess.DEVNULL,
        )
        try:
            port = _wait_for(port_file, server)
            yield demo_environment(
                {
                    "GIVENERGY_API_URL": f"http://127.0.0.1:{port}/v1",
                    "GIVENERGY_API_TOKEN": token,
                    "GIVLAKE_DATA": str(data.expanduser().absolute()),
                }
            )
        finally:
            server.terminate()
            server.wait()


def _stored_account(data: Path, inverters: int | None, days: int) -> tuple[int, date]:
    """Return an account's number of inverters and first day, and store them in the folder.

    With another account, schedules would report devices as gone, and counters would jump.

    Raises:
        KnownError: The folder contains devices that are not simulated.
    """
    commissioned = date.today() - timedelta(days=days)
    with Lake(data) as lake:
        stored = lake.state.get(_ACCOUNT)
        account = stored if isinstance(stored, dict) else {}
        known = lake.state.get("known_devices")
        if isinstance(known, list) and known and _first_serial() not in known:
            raise KnownError(
                f"{data} contains data of other devices than the demo's, such as {known[0]}: use"
                " another folder for the demo.",
                EXIT_USAGE,
            )
        inverters = inverters or int(str(account.get("inverters", _INVERTERS)))
        first = min(str(account.get("commissioned", commissioned)), str(commissioned))
        lake.state.set(_ACCOUNT, {"inverters": inverters, "commissioned": first})
    return inverters, date.fromisoformat(first)


def _first_serial() -> str:
    """Return the serial number of the inverter that every simulated account has."""
    return Simulator(SimulatorConfig(inverters=1)).serials[0]


def run(environment: dict[str, str], *arguments: str, echo: bool = True) -> None:
    """Run a givlake command, and print it unless `echo` is off.

    Raises:
        KnownError: The command failed.
    """
    if echo:
        _OUT.print(f"\n$ givlake {' '.join(arguments)}")
    # -P: the working folder can have other packages of the same names.
    command = [sys.executable, "-P", "-m", "pipelines.cli", *arguments]
    process = subprocess.Popen(command, env=environment)
    try:
        status = process.wait()
    except KeyboardInterrupt as stop:
        # A terminal interrupts the command as well. It stores what has come in.
        if stop.args == (signal.SIGTERM.name,):
            process.terminate()
        process.wait()
        raise
    if status:
        raise KnownError(f"givlake {arguments[0]} failed with status {status}.", EXIT_INCOMPLETE)


def _wait_for(port_file: Path, server: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end and server.poll() is None:
        if port_file.exists() and (text := port_file.read_text()):
            return text
        time.sleep(0.05)
    raise KnownError("The simulator did not start.", EXIT_INCOMPLETE)
