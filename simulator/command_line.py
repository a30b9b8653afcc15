"""``python -m simulator`` and ``givlake simulator``: the simulator by itself.

Belongs here: arguments, the line that says where it listens, the end by Ctrl-C. Does not belong
here: what the settings mean (``config``).
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

from simulator import faults
from simulator.config import (
    CLEARED_MEANINGS,
    FLOW_SHAPES,
    TYPES_TEXT,
    SimulatorConfig,
    TokenGrant,
)
from simulator.simulator import Simulator

_WRONG_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs until Ctrl-C or SIGTERM; 0 then, 2 for wrong usage or a port that cannot be had."""
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
        print(_unreachable(given, error), file=sys.stderr)
        return _WRONG_USAGE
    try:
        with _ended_by_signals() as ended:
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
def _ended_by_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; elsewhere than in the main thread nothing does."""
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


def _unreachable(given: argparse.Namespace, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {given.port} of {given.host} is already taken; choose another with --port, "
            "or --port 0 for any free one."
        )
    return f"The simulator cannot listen on {given.host} port {given.port}: {error.strerror}."


def _config(given: argparse.Namespace) -> SimulatorConfig:
    """The settings as given. Raises ``ValueError`` with a sentence."""
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
        faults=faults.parse_rates(given.faults),
        stall_s=given.stall,
        odd=faults.parse_rates(given.odd),
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
    """``TOKEN[@ACCOUNT][=SCOPE,SCOPE]``."""
    token, equals, scopes = text.partition("=")
    token, at, account = token.partition("@")
    if at and not (account.isdigit() and int(account) >= 1):
        raise ValueError(f"{account!r} is no account number; write TOKEN@2 for account 2.")
    granted = frozenset(filter(None, scopes.split(","))) if equals else None
    return TokenGrant(token, int(account) if at else 1, granted)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulator", description="The GivEnergy Cloud API in miniature, on loopback."
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    add("--port", type=int, default=0, help="0 takes a free one (default)")
    add("--port-file", type=Path, help="file that holds the port while it runs")
    add("--inverters", type=int, default=3, help="inverters per account, up to 2000")
    add("--gateways", type=int, help="how many of them are Gateways (default: every tenth)")
    add("--gone", type=int, default=0, help="inverters that are listed although they are gone")
    add("--seed", type=int, default=1, help="all invented data follows from it")
    add("--commissioned", type=dt.date.fromisoformat, help="date for all inverters")
    add("--timezone", default="Europe/London", help="zone of the account")
    add("--rows-per-day", type=int, default=400, help="mean data points a day")
    add("--empty-day-rate", type=float, default=0.01, help="share of days without data")
    add("--clock", type=_moment, help="the present, fixed, such as 2025-06-01T12:00:00Z")
    add("--recordings", type=Path, help="folder with inverter_data_points_YYYY-MM-DD.json")
    add("--rate-limit", type=int, default=300, help="requests per window")
    add("--rate-window", type=float, default=60.0, help="length of the window in s")
    add("--retry-after", action="store_true", help="429 says when to come back")
    add(
        "--token",
        action="append",
        default=[],
        metavar="TOKEN[@ACCOUNT][=SCOPE,…]",
        help="may be given several times (default: one, made of the seed, with all scopes)",
    )
    add("--no-subscription", action="store_true", help="answer everything with 402")
    add("--latency", type=float, default=0.0, help="s from arrival to answer")
    add("--latency-jitter", type=float, default=0.0, help="up to so many s more")
    add("--faults", default="", help=f"KIND=RATE,…; kinds: {', '.join(faults.KINDS)}")
    add("--stall", type=float, default=120.0, help="how long a stall lasts in s")
    add("--odd", default="", help="KIND=RATE,… of odd content")
    add("--account-type", default="customer", help=f"of the first account: {TYPES_TEXT}")
    add("--children", type=int, default=0, help="accounts below the first one")
    add("--child-inverters", type=int, default=1, help="inverters of each child")
    add("--ev-chargers", type=int, default=0, help="EV chargers per account")
    add("--ev-points-every", type=int, default=60, help="s between two of a charger's points")
    add("--ems", type=int, default=0, help="EMS per account")
    add("--flows-as", choices=FLOW_SHAPES, default=FLOW_SHAPES[0], help="shape of energy flows")
    add("--flows-max-days", type=int, help="longest range of energy flows (default: any)")
    add(
        "--cleared-means",
        choices=CLEARED_MEANINGS,
        default=CLEARED_MEANINGS[0],
        help="what cleared=1 does to a list of events",
    )
    add("--later-api", action="store_true", help="serve what only later versions have")
    add("--smart-devices", type=int, default=0, help="smart devices per account")
    add("--smart-points-every", type=int, default=300, help="s between two of their points")
    add("--unavailable", default="", metavar="NAME,…", help="endpoints that answer 404")
    add("--links-base", help="where links in pages point to instead of here")
    return parser
