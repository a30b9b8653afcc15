"""`python -m simulator` and `givlake simulator`: the simulator as a process.

Belongs here: arguments, the printed address, the end by Ctrl-C. Does not belong here: what the
settings mean (`config`).
"""

import argparse
import contextlib
import dataclasses
import datetime as dt
import errno
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from simulator.config import (
    API_VERSIONS,
    CLEARED_MEANINGS,
    FLOW_SHAPES,
    TYPES_TEXT,
    UNDOCUMENTED_SHAPES,
    SimulatorConfig,
    TokenGrant,
)
from simulator.http.faults import KINDS
from simulator.rates import parse_rates
from simulator.simulator_server import Simulator

_WRONG_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; return 0 then, 2 for wrong usage or an unavailable port."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as done:
        return int(done.code or 0)
    port_file: Path | None = getattr(given, "port_file", None)
    try:
        simulator = Simulator(_config(given))
    except (ValueError, ZoneInfoNotFoundError) as error:
        print(error, file=sys.stderr)
        return _WRONG_USAGE
    try:
        simulator.start()
    except OSError as error:
        print(_cannot_listen(simulator.config, error), file=sys.stderr)
        return _WRONG_USAGE
    try:
        with _set_by_signals() as ended:
            port = simulator.base_url.removesuffix("/v1").rpartition(":")[2]
            if port_file:
                port_file.write_text(port)
            print(f"Simulator: {simulator.base_url} with token {simulator.token}", flush=True)
            ended.wait()
    finally:
        simulator.stop()
        if port_file:
            port_file.unlink(missing_ok=True)
    return 0


@contextlib.contextmanager
def _set_by_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, if this is the main thread."""
    ended = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield ended
        return
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cannot_listen(config: SimulatorConfig, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {config.port} of {config.host} is already in use; choose another with --port, "
            "or --port 0 for any free one."
        )
    return f"The simulator cannot listen on {config.host} port {config.port}: {error.strerror}."


def _config(given: argparse.Namespace) -> SimulatorConfig:
    """Return the settings as given. Raises `ValueError` with a message for the user."""
    names = {field.name for field in dataclasses.fields(SimulatorConfig)}
    settings: dict[str, Any] = {k: v for k, v in vars(given).items() if k in names}
    for name, parse in _PARSERS.items():
        if name in settings:
            settings[name] = parse(settings[name])
    return SimulatorConfig(**settings)


def _grant(text: str) -> TokenGrant:
    """Parse `TOKEN[@ACCOUNT][=SCOPE,SCOPE]`."""
    token, equals, scopes = text.partition("=")
    token, at, account = token.partition("@")
    if at and not (account.isdigit() and int(account) >= 1):
        raise ValueError(f"{account!r} is not an account number; write TOKEN@2 for account 2.")
    granted = frozenset(filter(None, scopes.split(","))) if equals else None
    return TokenGrant(token, int(account) if at else 1, granted)


def _refusals(text: str) -> dict[str, str]:
    """Parse `NAME=STATUS,NAME=STATUS html`."""
    refused = {}
    for part in filter(None, text.split(",")):
        name, _, answer = part.partition("=")
        if not (name and answer):
            raise ValueError(f"{part!r} is no refusal; write {name or 'events'}=422.")
        refused[name] = answer
    return refused


# Parsed after argparse, which replaces the messages of errors by its own.
_PARSERS: dict[str, Callable[[Any], object]] = {
    "tokens": lambda texts: tuple(map(_grant, texts)),
    "faults": parse_rates,
    "anomalies": parse_rates,
    "unavailable": lambda text: frozenset(filter(None, text.split(","))),
    "refused": _refusals,
}


def _parser() -> argparse.ArgumentParser:
    """Return the parser; `dest` is the setting's name, whose default `SimulatorConfig` has."""
    parser = argparse.ArgumentParser(
        prog="simulator",
        description="A simulated GivEnergy Cloud API, on loopback.",
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--host", help="address to listen on (default: loopback)")
    add("--port", type=int, help="0 takes a free one (default)")
    add("--port-file", type=Path, help="file to write the port to; removed at the end")
    add("--inverters", type=int, help="inverters per account, up to 2000")
    add("--gateways", type=int, help="how many of them are Gateways (default: every tenth)")
    add("--gone", type=int, help="removed inverters that stay listed")
    add(
        "--odd",
        dest="odd_devices",
        action="store_true",
        help="list a communication device with inverter null, and one with {}",
    )
    add("--seed", type=int, help="seed of all generated data")
    add("--commissioned", type=dt.date.fromisoformat, help="date for all inverters")
    add("--timezone", help="time zone of the account")
    add("--rows-per-day", type=int, help="mean number of data points per day")
    add("--empty-day-rate", type=float, help="share of days without data")
    add("--clock", type=dt.datetime.fromisoformat, help="fixed present, as 2025-06-01T12:00:00Z")
    add("--recordings", type=Path, help="folder with inverter_data_points_YYYY-MM-DD.json")
    add("--rate-limit", type=int, help="requests per window")
    add("--rate-window", dest="rate_window_s", type=float, help="length of the window, s")
    add("--retry-after", action="store_true", help="send Retry-After with 429")
    add(
        "--token",
        dest="tokens",
        action="append",
        metavar="TOKEN[@ACCOUNT][=SCOPE,…]",
        help="repeatable (default: one token with all scopes, derived from the seed)",
    )
    add("--no-subscription", dest="subscription", action="store_false", help="respond with 402")
    add("--latency", dest="latency_s", type=float, help="from arrival to response, s")
    add("--latency-jitter", dest="latency_jitter_s", type=float, help="maximum random addition, s")
    add("--device-read", dest="device_read_s", type=float, help="added to a read from a device, s")
    add("--more-settings", type=int, help="settings of an inverter besides the usual ten")
    add("--faults", help=f"KIND=RATE,…; kinds: {', '.join(KINDS)}")
    add("--stall", dest="stall_s", type=float, help="duration of a stall, s")
    add("--anomalies", help="KIND=RATE,… of anomalies in the content")
    add("--account-type", help=f"of the first account: {TYPES_TEXT}")
    add("--children", type=int, help="accounts below the first one")
    add("--child-inverters", type=int, help="inverters of each child")
    add("--ev-chargers", type=int, help="EV chargers per account")
    add(
        "--ev-on-own-supply",
        dest="ev_on_home_meter",
        action="store_false",
        help="EV chargers are on a supply of their own, outside the inverter's meter",
    )
    add(
        "--cheap-hours",
        metavar="HH:MM-HH:MM",
        help="local time in which batteries charge from the grid and cars prefer to charge",
    )
    add("--without-battery", type=int, help="how many of the first inverters have panels only")
    add(
        "--battery-fade",
        dest="battery_fade_per_year",
        type=float,
        help="share of its nominal capacity that a battery loses in a year (default: 0.022)",
    )
    add(
        "--pv-degradation",
        dest="pv_degradation_per_year",
        type=float,
        help="share of their power that solar panels lose in a year (default: 0.006)",
    )
    add("--ev-points-every", dest="ev_points_every_s", type=int, help="interval of their data, s")
    add("--ems", type=int, help="EMS per account")
    add("--flows-as", choices=FLOW_SHAPES, help="JSON type of energy flows")
    add("--flows-max-days", type=int, help="longest range of energy flows (default: unlimited)")
    add(
        "--cleared-means",
        dest="events_cleared_means",
        choices=CLEARED_MEANINGS,
        help="effect of cleared=1: adds cleared events, returns only cleared events, or none",
    )
    add(
        "--api-version",
        choices=API_VERSIONS,
        help="version of the API: which endpoints, fields and codes it has, and how strict it is"
        f" (default: {API_VERSIONS[-1]})",
    )
    add(
        "--undocumented-as",
        choices=UNDOCUMENTED_SHAPES,
        help="JSON type of responses whose shape no document shows",
    )
    add("--smart-devices", type=int, help="smart devices per account")
    add("--smart-points-every", dest="smart_points_every_s", type=int, help="data interval, s")
    add("--unavailable", metavar="NAME,…", help="endpoints that return 404")
    add(
        "--refused",
        metavar="NAME=STATUS,…",
        help='endpoints that refuse every request: events=422, or "events=403 html" for a page',
    )
    add("--links-base", help="base address of pagination links (default: this server)")
    return parser
