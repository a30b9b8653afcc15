"""`givlake read-inverter`: read inverters on the home network into the data folder."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from assets.framework.contract.devices import DeviceKind, of_kinds
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    console,
    printable,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.known_devices import known_devices, last_discovery
from pipelines.local_reader.library import required_library
from pipelines.local_reader.reader_lock import only_reader
from pipelines.open_folder import open_lake
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.lake import Lake

if TYPE_CHECKING:
    from pipelines.local_reader.poll_journal import Poll
    from pipelines.local_reader.reading_loop import ReadingLoop


@click.command("read-inverter")
@click.option("--once", is_flag=True, help="Read each inverter once.")
@pass_settings
def read_inverter(settings: Settings, once: bool) -> None:
    """Read inverters on the home network into the data folder; stop it with Ctrl-C.

    GIVLAKE_LOCAL_INVERTER says where they are, and GIVLAKE_LOCAL_EVERY_S how often to read them.
    Nothing is ever written to an inverter, and no request goes to the API. Needs givlake[local].
    """
    required_library()
    if not settings.local_inverters:
        raise SettingsError(
            "GIVLAKE_LOCAL_INVERTER is not set: set it to the address of the inverter's adapter on"
            " the home network, such as 192.168.1.30, which the router shows."
        )
    stopped = threading.Event()
    with _handled(stopped), open_lake(settings) as lake, only_reader(lake):
        loop = _loop(settings, lake, stopped)
        if once:
            polls = loop.poll_each_once()
            for poll in polls:
                console().print(_sentence(poll))
            is_complete = len(polls) == len(settings.local_inverters)
            raise SystemExit(EXIT_COMPLETE if is_complete else EXIT_INCOMPLETE)
        where = ", ".join(map(str, settings.local_inverters))
        console().print(
            f"Reading {where} every {settings.local_every_s} s (data in {settings.data})."
            " Press Ctrl-C to stop."
        )
        loop.run()


def _loop(settings: Settings, lake: Lake, stopped: threading.Event) -> "ReadingLoop":
    from pipelines.local_reader.poll_archive import PollArchive
    from pipelines.local_reader.poll_journal import PollJournal
    from pipelines.local_reader.reading_loop import MachineClock, ReadingLoop

    # Without the account's lists, the folder knows only the inverters that were read so far.
    listed = known_devices(lake) if last_discovery(lake) is not None else {}
    inverters = of_kinds(listed, [DeviceKind.INVERTER])
    journal = PollJournal(lake.folder)
    return ReadingLoop(
        addresses=settings.local_inverters,
        every_s=settings.local_every_s,
        known=frozenset(device.device_id for device in inverters),
        journal=journal,
        archive=PollArchive(lake, settings, journal),
        clock=MachineClock(stopped),
        tell=tell,
    )


@contextmanager
def _handled(stopped: threading.Event) -> Iterator[None]:
    """End the loop in order at the first signal, and the process at the second."""

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(poll: "Poll") -> str:
    """Return what was read, in a line."""
    power = poll.point["power"]
    parts = [
        f"{name} {power[part]['power']:,.0f} W"
        for name, part in (
            ("solar", "solar"),
            ("grid", "grid"),
            ("battery", "battery"),
            ("home", "consumption"),
        )
        if power[part].get("power") is not None
    ]
    return f"{printable(poll.serial)} at {poll.point['time']}: {', '.join(parts)}."
