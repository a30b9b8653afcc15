"""One reader per data folder; and what it left in its journal, for those who need all of it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from pipelines.local_reader.poll_archive import PollArchive
from pipelines.local_reader.poll_journal import PollJournal
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake
from warehouse.storage.file_locks import FileLock

_LOCK = "local-reader"


@contextmanager
def only_reader(lake: Lake) -> Iterator[None]:
    """Keep other readers out of a data folder.

    Raises:
        SettingsError: There is one.
    """
    lock = FileLock(lake.folder / "locks" / _LOCK, timeout_s=0.0)
    try:
        lock.acquire()
    except LockTimeoutError:
        raise SettingsError(
            f"A givlake read-inverter reads into {lake.folder}: stop that first. One reads several"
            " inverters, whose addresses are separated by commas."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def without_reader(lake: Lake, settings: Settings) -> Iterator[None]:
    """Archive what a reader has left, and keep readers out; do nothing if there never was one.

    Raises:
        SettingsError: One is reading.
        StoreError: The disk is full or not writable.
    """
    if not PollJournal.path_in(lake.folder).exists():
        yield
        return
    with only_reader(lake), closing(PollJournal(lake.folder)) as journal:
        PollArchive(lake, settings, journal).store()
        yield
