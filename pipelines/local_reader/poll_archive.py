"""From the journal of polls into the archive and the tables.

A batch of polls of an inverter and day is one response: data points as the API sends them, and the
registers that each was made of, so that a wrong mapping can be corrected later. The address of the
inverter on the home network is not in it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import msgspec

from assets.framework.contract.devices import local_day
from assets.framework.decoding.decoder import DatasetDecoder
from assets.inverter_data_points import DATASET
from pipelines.account_zone import use_zone, zone_of
from pipelines.known_devices import expect
from pipelines.local_reader.poll_journal import Poll, PollJournal
from pipelines.maintenance import compact_if_due
from pipelines.open_folder import ACCOUNT_KEY
from pipelines.settings import Settings
from warehouse.archive import Entry, Rank
from warehouse.coverage import refresh_coverage
from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake, file_set_name
from warehouse.source_names import LOCAL_SOURCE
from warehouse.tables.build import build

_METHOD, _PATH = "READ", "/modbus"


class PollArchive:
    """Moves polls from the journal into a data folder."""

    def __init__(self, lake: Lake, settings: Settings, journal: PollJournal) -> None:
        """Take the polls of a journal."""
        self._lake = lake
        self._settings = settings
        self._journal = journal
        self._appended = 0
        self._days: set[tuple[str, date | None]] = set()
        self._new_days: set[tuple[str, date | None]] = set()
        self._decoder = DatasetDecoder(DATASET)

    @property
    def zone(self) -> str:
        """The IANA time zone of the days."""
        return zone_of(self._settings, self._lake.state.all())

    def store(self) -> int:
        """Archive the journal's polls, then remove them from it; return their number.

        If the process is killed in between, they are archived again: rows of one key and content
        are one row.

        Raises:
            StoreError: The disk is full or not writable; the polls stay in the journal.
        """
        self._journal.write_waiting()
        polls = self._journal.polls()
        state = self._lake.state.all()
        zone = self.zone
        account = str(state.get(ACCOUNT_KEY) or "")
        if not account:
            # So that a later account's zone corrects that of these days.
            use_zone(self._lake, zone, [account])
        # What a flush that failed has left in memory is not appended again.
        entries = entries_of(polls[self._appended :], zone, account)
        for entry in entries:
            self._lake.archive.append([entry])
        self._appended = len(polls)
        self._new_days |= {(each.device_id, each.request_date) for each in entries} - self._days
        self._lake.archive.flush()
        self._journal.clear()
        self._appended = 0
        return len(polls)

    def build(self, *, wait: bool = False) -> bool:
        """Add what is archived to the tables; return whether that was done.

        Args:
            wait: Whether to wait where another process builds them, which can take minutes;
                otherwise that is left to the next time.

        Raises:
            WarehouseError: The disk is full or not writable; the next build resumes.
        """
        if not wait and self._is_built_elsewhere():
            return False
        build(self._lake, self._decoder)
        # Many small segments a day: in a folder without the cloud, nobody else merges them.
        compact_if_due(self._lake)
        refresh_coverage(self._lake, DATASET.coverage_rules)
        if self._new_days:
            # In a folder without the account's lists, these days are what is known of the inverter.
            expect(self._lake, zone_of(self._settings, self._lake.state.all()))
            self._days |= self._new_days
            self._new_days.clear()
        return True

    def _is_built_elsewhere(self) -> bool:
        try:
            with self._lake.file_set(file_set_name(DATASET.name)).lock(0.0):
                return False
        except LockTimeoutError:
            return True


def entries_of(polls: Sequence[Poll], zone: str, account: str) -> list[Entry]:
    """Return an archive entry for each inverter and day of some polls.

    Args:
        polls: The polls.
        zone: IANA time zone of the days.
        account: The account's key, or "".
    """
    by_day: dict[tuple[str, date], list[Poll]] = defaultdict(list)
    for poll in polls:
        day = local_day(poll.at, "UTC" if poll.has_utc_days else zone)
        by_day[poll.serial, day].append(poll)
    return [
        Entry(
            dataset=DATASET.name,
            device_id=serial,
            request_date=day,
            request_zone=zone,
            method=_METHOD,
            path=_PATH,
            params="{}",
            status=None,
            outcome="ok",
            error_kind=None,
            message="read locally, not proven",
            requested_at=of_day[0].at,
            fetched_at=of_day[-1].at,
            page=1,
            page_count=1,
            # A day of polls is what was read of it, and nothing says what was not.
            complete=False,
            rows=len(of_day),
            body=msgspec.json.encode(
                {
                    "data": [poll.point for poll in of_day],
                    "registers": [poll.registers for poll in of_day],
                }
            ),
            attempts=1,
            redaction_version=None,
            account=account,
            source=LOCAL_SOURCE,
            rank=Rank.LOCAL,
        )
        for (serial, day), of_day in by_day.items()
    ]
