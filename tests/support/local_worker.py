"""A reader with its inverter, to be killed: prints the time of each poll that is durable.

    python -m tests.support.local_worker FOLDER START MINUTES

Reads every 10 s of a clock that only waiting moves on, and stores every minute of it.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

from pipelines.local_reader.poll_journal import Poll, PollJournal
from tests.support.local_polls import SetClock, reading
from tests.support.made_house import MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving


class SpokenJournal(PollJournal):
    """A journal that says what is durable."""

    def append(self, poll: Poll) -> None:
        super().append(poll)
        print(poll.point["time"], flush=True)


def main(folder: str, start: str, minutes: str) -> None:
    begin = datetime.fromisoformat(start)
    clock = SetClock(begin, begin + timedelta(minutes=float(minutes)))
    with (
        serving(ModbusInverter(MadeHouse().registers, clock.now)) as inverter,
        reading(
            Path(folder),
            [inverter],
            clock,
            every_s=10,
            store_every_s=60,
            journal_type=SpokenJournal,
        ) as loop,
    ):
        loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
