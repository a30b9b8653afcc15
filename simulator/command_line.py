"""`python -m simulator` and `givlake simulator`: the simulator as a process.

Belongs here: arguments, the printed address, the end by Ctrl-C. Does not belong here: what the
settings mean (`config`).
"""

import argparse
import contextlib
import datetime as dt
import errno
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from simulator.config import (
    CLEARED_MEANINGS,
    FLOW_SHAPES,
    TYPES_TEXT,
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
    try:
        simulator = Simulator(_config(given))
    except (ValueError, ZoneInfoNotFoundError) as error:
        print(error, file=sys.stderr)
        return _WRONG_USAGE
    try:
        simulator.start()
    except OSError as error:
        print(_cannot_listen(given, error), file=sys.stderr)
        return _WRONG_USAGE
    try:
        with _set_by_signals() as ended:
            port = simulator.base_url.removesuffix("/v1").rpartition(":")[2]
            if given.port_file:
                given.port_file.write_text(port)
            print(f"Simulator: {simulator.base_url} with token {simulator.token}", flush=True)
            ended.wait()
    finally:
        simulator.stop()
        if given.port_file:
            given.port_file.unlink(missing_ok=True)
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


def _cannot_listen(given: argparse.Namespace, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {given.port} of {given.host} is already in use; choose another with --port, "
            "or --port 0 for any free one."
        )
    return f"The simulator cannot listen on {given.host} port {given.port}: {error.strerror}."


def _config(given: argparse.Namespace) -> SimulatorConfig:
    """Return the settings as given. Raises `ValueError` with a message for the user."""
    return SimulatorConfig(
        host=given.host,
        port=given.port,
        inverters=given.inverters,
        seed=given.seed,
        gateways=given.gateways,
        gone=given.gone,
        commissioned=given.commissioned,
        timezone=given.timezone,
        rows_per_day=given.rows_per_day,
        empty_day_rate=given.empty_day_rate,
        clock=given.clock,
        recordings=given.recordings,
        rate_limit=given.rate_limit,
        rate_window_s=given.rate_window,
        retry_after=given.retry_after,
        tokens=tuple(_grant(text) for text in given.token),
        subscription=not given.no_subscription,
        latency_s=given.latency,
        latency_jitter_s=given.latency_jitter,
        faults=parse_rates(given.faults),
        stall_s=given.stall,
        anomalies=parse_rates(given.anomalies),
        links_base=given.links_base,
        account_type=given.account_type,
        children=given.children,
        child_inverters=given.child_inverters,
        ev_chargers=given.ev_chargers,
        ev_points_every_s=given.ev_points_every,
        ems=given.ems,
        flows_as=given.flows_as,
        flows_max_days=given.flows_max_days,
        events_cleared_means=given.cleared_means,
        later_api=given.later_api,
        smart_devices=given.smart_devices,
        smart_points_every_s=given.smart_points_every,
        unavailable=frozenset(filter(None, given.unavailable.split(","))),
    )


def _grant(text: str) -> TokenGrant:
    """Parse `TOKEN[@ACCOUNT][=SCOPE,SCOPE]`."""
    token, equals, scopes = text.partition("=")
    token, at, account = token.partition("@")
    if at and not (account.isdigit() and int(account) >= 1):
        raise ValueError(f"{account!r} is not an account number; write TOKEN@2 for account 2.")
    granted = frozenset(filter(None, scopes.split(","))) if equals else None
    return TokenGrant(token, int(account) if at else 1, granted)


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulator", description="A simulated GivEnergy Cloud API, on loopback."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=0, help="0 takes a free one (default)")
    add("--port-file", type=Path, help="file to write the port to; removed at the end")
    add("--inverters", type=int, default=3, help="inverters per account, up to 2000")
    add("--gateways", type=int, help="how many of them are Gateways (default: every tenth)")
    add("--gone", type=int, default=0, help="removed inverters that stay listed")
    add("--seed", type=int, default=1, help="seed of all generated data")
    add("--commissioned", type=dt.date.fromisoformat, help="date for all inverters")
    add("--timezone", default="Europe/London", help="time zone of the account")
    add("--rows-per-day", type=int, default=400, help="mean number of data points per day")
    add("--empty-day-rate", type=float, default=0.01, help="share of days without data")
    add("--clock", type=_time, help="fixed present, such as 2025-06-01T12:00:00Z")
    add("--recordings", type=Path, help="folder with inverter_data_points_YYYY-MM-DD.json")
    add("--rate-limit", type=int, default=300, help="requests per window")
    add("--rate-window", type=float, default=60.0, help="length of the window in seconds")
    add("--retry-after", action="store_true", help="send Retry-After with 429")
    add(
        "--token",
        action="append",
        default=[],
        metavar="TOKEN[@ACCOUNT][=SCOPE,…]",
        help="repeatable (default: one token with all scopes, derived from the seed)",
    )
    add("--no-subscription", action="store_true", help="respond to everything with 402")
    add("--latency", type=float, default=0.0, help="seconds from arrival to response")
    add(
        "--latency-jitter",
        type=float,
        default=0.0,
        help="random addition to the latency, up to so many seconds",
    )
    add("--faults", default="", help=f"KIND=RATE,…; kinds: {', '.join(KINDS)}")
    add("--stall", type=float, default=120.0, help="duration of a stall in seconds")
    add("--anomalies", default="", help="KIND=RATE,… of anomalies in the content")
    add("--account-type", default="customer", help=f"of the first account: {TYPES_TEXT}")
    add("--children", type=int, default=0, help="accounts below the first one")
    add("--child-inverters", type=int, default=1, help="inverters of each child")
    add("--ev-chargers", type=int, default=0, help="EV chargers per account")
    add(
        "--ev-points-every",
        type=int,
        default=60,
        help="interval of a charger's data points in seconds",
    )
    add("--ems", type=int, default=0, help="EMS per account")
    add("--flows-as", choices=FLOW_SHAPES, default=FLOW_SHAPES[0], help="JSON type of energy flows")
    add("--flows-max-days", type=int, help="longest range of energy flows (default: unlimited)")
    add(
        "--cleared-means",
        choices=CLEARED_MEANINGS,
        default=CLEARED_MEANINGS[0],
        help="what cleared=1 does to a list of events",
    )
    add("--later-api", action="store_true", help="serve endpoints that only later versions have")
    add("--smart-devices", type=int, default=0, help="smart devices per account")
    add(
        "--smart-points-every",
        type=int,
        default=300,
        help="interval of their data points in seconds",
    )
    add("--unavailable", default="", metavar="NAME,…", help="endpoints that return 404")
    add("--links-base", help="base address of pagination links (default: this server)")
    return parser
