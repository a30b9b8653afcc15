"""Dagster's event log in SQLite, with connections that stay open.

Dagster opens a database and compiles each statement for every event: 10 ms each, which for a home's
daily run is more than all the work that the events report. The files are the same, so either
storage can be used with them.

Needed with Dagster 1.13.27 and before. Waits for: connections that `SqliteEventLogStorage` keeps
open; it closes them after each use since https://github.com/dagster-io/dagster/issues/2021, and no
request to change that is open.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

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
    def _kept(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        engine = self._engines.get(shard)
        if engine is None:
            # Dagster's own connection creates the tables if they do not exist.
            first = super().index_connection() if shard == _INDEX else super().run_connection(shard)
            with first:
                pass
            engine = self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if len(self._engines) > _MAX_ENGINES:
                self._engines.popitem(last=False)[1].dispose()
        with engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        """Close all connections."""
        while self._engines:
            self._engines.popitem()[1].dispose()
        super().dispose()


def _engine(address: str) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(address, connect_args={"timeout": _TIMEOUT_S})

    @sqlalchemy.event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        # A power cut may lose the last events in Dagster's UI; the archive loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine
