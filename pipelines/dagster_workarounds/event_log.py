"""Dagster's event log in SQLite, with connections that stay open.

Dagster opens a database and compiles each statement for every event: 10 ms each, which for a home's
daily run is more than all the work that the events report. It also creates the tables of each run's
database one by one, where a copy of the first that this process created does. The files are the
same, so either storage can be used with them.

Needed with Dagster 1.13.27 and before. Waits for: connections that `SqliteEventLogStorage` keeps
open; it closes them after each use since https://github.com/dagster-io/dagster/issues/2021, and no
request to change that is open.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

_TIMEOUT_S = 60
# The running run, the index, and a few runs that the UI shows.
_MAX_ENGINES = 6
_INDEX = "index"


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """Stores events as `SqliteEventLogStorage` does; named in `dagster.yaml`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Store the events in files below `base_dir`."""
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        self._empty_run: bytes | None = None
        self._creation = threading.Lock()
        self._transactions = threading.local()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Return the storage that `dagster.yaml` configures."""
        return cls(inst_data=inst_data, **config_value)

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Any]:
        """Connect to the events of a run."""
        assert run_id is not None
        return self._kept(run_id)

    def index_connection(self) -> AbstractContextManager[Any]:
        """Connect to the events of assets, over all runs."""
        return self._kept(_INDEX)

    @contextmanager
    def one_transaction(self, run_id: str) -> Iterator[None]:
        """Store what this thread reports of a run in one transaction; it is lost on an error."""
        with ExitStack() as opened:
            kept = {shard: opened.enter_context(self._kept(shard)) for shard in (run_id, _INDEX)}
            self._transactions.of_shards = kept
            opened.callback(lambda: setattr(self._transactions, "of_shards", {}))
            yield

    @contextmanager
    def _kept(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        begun = getattr(self._transactions, "of_shards", {})
        if shard in begun:
            yield begun[shard]
            return
        engine = self._engines.get(shard)
        if engine is None:
            self._create(shard)
            engine = self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if len(self._engines) > _MAX_ENGINES:
                self._engines.popitem(last=False)[1].dispose()
        with engine.begin() as connection:
            yield connection

    def _create(self, shard: str) -> None:
        """Create the database of a run, or the index, if it does not exist."""
        if shard == _INDEX:
            with super().index_connection():
                return
        path = Path(self.path_for_shard(shard))
        with self._creation:
            is_new = not path.exists()
            if is_new and self._empty_run is not None and _is_copied(self._empty_run, path):
                return
            with super().run_connection(shard):
                pass
            if is_new and not path.with_name(f"{path.name}-wal").exists():
                self._empty_run = path.read_bytes()

    def dispose(self) -> None:
        """Close all connections."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _is_copied(content: bytes, path: Path) -> bool:
    """Create a file at once with all of its content; return whether that was possible."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        path.hardlink_to(unfinished)
    except OSError:
        return False  # there is one by now, the disk is full, or it has no hard links
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return True


def one_transaction(instance: dg.DagsterInstance, run_id: str) -> AbstractContextManager[None]:
    """Store what this thread reports of a run in one transaction, where the storage can do that."""
    # The one for PostgreSQL is not imported here: it needs packages of an extra.
    begin = getattr(instance.event_log_storage, "one_transaction", None)
    return nullcontext() if begin is None else begin(run_id)


def _engine(address: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(address, connect_args={"timeout": _TIMEOUT_S})

    @sqlalchemy.event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        # A power cut may lose the last events in Dagster's UI; the archive loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine
