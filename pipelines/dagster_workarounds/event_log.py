"""Dagster's event log in SQLite, with connections that stay open.

Dagster opens a database and compiles each statement for every event: 10 ms each, which for a home's
daily run is more than all the work that the events report. What is stored, and where, is the same;
either storage can be used on the other's files.

Needed with Dagster 1.13.27 and before. Waits for: connections that `SqliteEventLogStorage` keeps;
it closes them after each use since https://github.com/dagster-io/dagster/issues/2021, and no
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
# The run that goes on and the index, and a few that the UI looks at.
_MOST_KEPT = 6
_INDEX = "index"


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """Stores events as `SqliteEventLogStorage` does; named in `dagster.yaml`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Keep the events below `base_dir`."""
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage that `dagster.yaml` describes."""
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
            # Dagster's own way makes the tables where there are none.
            first = super().index_connection() if shard == _INDEX else super().run_connection(shard)
            with first:
                pass
            engine = self._engines[shard] = _engine(self.conn_string_for_shard(shard))
            if len(self._engines) > _MOST_KEPT:
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
        # A power cut may take the last events from what is shown; the archive loses nothing by it.
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine
