"""Dagster's state in PostgreSQL, with connections that stay open.

Dagster opens a connection for each use, and two to four for an event: a server process and a check
of the password each. It writes the events of a run one by one. Where PostgreSQL is away it prints
six warnings and a traceback; and it names no driver, so that SQLAlchemy 2.1 looks for one that
`dagster-postgres` does not bring. The tables are the same, so either storage can be used with them.

Needed with Dagster 1.13.27 and before. Waits for: a pool that `dagster-postgres` keeps, for which
no upstream issue is open, and https://github.com/dagster-io/dagster/issues/33958 (the driver).
"""

import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import dagster as dg
import sqlalchemy
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import (
    DagsterPostgresException,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    set_pg_statement_timeout,
)

from givenergy.budget.postgres_url import PostgresUrl
from pipelines.database_errors import DagsterDatabaseError, database_error
from pipelines.instance_settings import file_in_use
from pipelines.settings_file import SettingsError

# A restart of PostgreSQL, with recovery, takes less.
_PATIENCE_S = 20.0
_PAUSE_S = 0.5
# Of a process; more are opened while they are needed.
_KEPT_CONNECTIONS = 2
# A host that vanished says nothing: without these, a command would wait for a quarter of an hour.
_TIMEOUTS = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
_LAST_TABLE = "jobs"
# One process at a time creates the tables; any number that nobody else uses will do.
_CREATION_LOCK = 4_051_992_113
_DAGSTERS_OWN = (PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage)
FAULTS = (DagsterDatabaseError, DagsterPostgresException, sqlalchemy.exc.DBAPIError)
TABLES = frozenset(
    name
    for metadata in (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
    for name in metadata.tables
)


class KeptConnections:
    """The connections of a process to a database; threads may share it."""

    def __init__(self, address: str, token_provider: Any = None, **options: Any) -> None:
        """Prepare connections to an address; `options` are those of SQLAlchemy's engines."""
        query = sqlalchemy.make_url(address).query
        self._engine = create_pg_engine(
            address,
            token_provider,
            isolation_level="AUTOCOMMIT",
            # One that PostgreSQL closed, as by a restart, is replaced.
            pool_pre_ping=True,
            connect_args={name: each for name, each in _TIMEOUTS.items() if name not in query},
            **{"pool_size": _KEPT_CONNECTIONS, "max_overflow": -1, **options},
        )
        self._failing_since: float | None = None
        self._is_known = False
        _kept.add(self)

    @property
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's engine."""
        return self._engine

    @contextmanager
    def connect(self) -> Iterator[sqlalchemy.Connection]:
        """Connect; every statement is a transaction of its own.

        Raises:
            DagsterDatabaseError: PostgreSQL refuses, or has ended the connection.
        """
        try:
            with self._open() as connection:
                yield connection
        except sqlalchemy.exc.DBAPIError as error:
            if _is_left_to_dagster(error):
                raise
            raise database_error(self._engine.url, error) from error

    def _open(self) -> sqlalchemy.Connection:
        """Connect; wait for a database that has worked before."""
        while True:
            try:
                connection = self._engine.connect()
            except sqlalchemy.exc.DBAPIError:
                now = time.monotonic()
                self._failing_since = self._failing_since or now
                if not self._is_known or now - self._failing_since > _PATIENCE_S:
                    raise
                time.sleep(_PAUSE_S)
            else:
                self._is_known, self._failing_since = True, None
                return connection

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._engine.dispose()

    def leave_to_parent(self) -> None:
        """Let go of the connections, which belong to the process that was forked."""
        self._engine.dispose(close=False)


_kept: "weakref.WeakSet[KeptConnections]" = weakref.WeakSet()


def _let_go() -> None:
    for each in list(_kept):
        each.leave_to_parent()


os.register_at_fork(after_in_child=_let_go)


class _Kept:
    """What Dagster's three storages do with the connections."""

    postgres_url: str
    _token_provider: Any
    _connections: KeptConnections

    @property
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's engine."""
        return self._connections.engine

    def _connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        return self._connections.connect()

    def connect(self, run_id: str | None = None) -> AbstractContextManager[sqlalchemy.Connection]:
        """Connect to the database."""
        return self._connect()

    def optimize_for_webserver(
        self, statement_timeout: int, pool_recycle: int, max_overflow: int
    ) -> None:
        """Limit the statements and connections of the web server, as Dagster does."""
        limits = {"pool_size": 1, "pool_recycle": pool_recycle, "max_overflow": max_overflow}
        self._connections = KeptConnections(self.postgres_url, self._token_provider, **limits)

        @sqlalchemy.event.listens_for(self._connections.engine, "connect")
        def _set_up(connection: Any, record: object) -> None:
            set_pg_statement_timeout(connection, statement_timeout)

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()  # type: ignore[misc]
        self._connections.close()


class KeptRunStorage(_Kept, PostgresRunStorage):
    """Stores runs as `PostgresRunStorage` does."""

    def __init__(self, connections: KeptConnections, *arguments: Any, **options: Any) -> None:
        """Store runs in the database of the connections."""
        self._connections = connections
        super().__init__(*arguments, **options)


class KeptScheduleStorage(_Kept, PostgresScheduleStorage):
    """Stores schedules and ticks as `PostgresScheduleStorage` does."""

    def __init__(self, connections: KeptConnections, *arguments: Any, **options: Any) -> None:
        """Store schedules in the database of the connections."""
        self._connections = connections
        super().__init__(*arguments, **options)


class KeptPostgresEventLogStorage(_Kept, PostgresEventLogStorage):
    """Stores events as `PostgresEventLogStorage` does."""

    def __init__(self, connections: KeptConnections, *arguments: Any, **options: Any) -> None:
        """Store events in the database of the connections."""
        self._connections = connections
        self._transactions = threading.local()
        super().__init__(*arguments, **options)

    @contextmanager
    def one_transaction(self, run_id: str) -> Iterator[None]:
        """Store what this thread reports of a run in one transaction; it is lost on an error."""
        with self._connections.connect() as connection:
            connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                self._transactions.connection = connection
                newest = self._transactions.newest_of_assets = {}
                try:
                    yield
                finally:
                    self._transactions.connection = None
                # Each asset has a row with its newest event: written once, and in the order of the
                # assets, so that no two transactions wait for each other.
                for key in sorted(newest):
                    super()._store_asset_event(connection, *newest[key])

    def _store_asset_event(
        self, conn: sqlalchemy.Connection, event: EventLogEntry, event_id: int
    ) -> None:
        dagster_event = event.get_dagster_event()
        if getattr(self._transactions, "connection", None) is None:
            super()._store_asset_event(conn, event, event_id)
        elif dagster_event.asset_key is not None:
            key = (dagster_event.asset_key.to_string(), dagster_event.event_type_value)
            self._transactions.newest_of_assets[key] = (event, event_id)

    @contextmanager
    def _connect(self) -> Iterator[sqlalchemy.Connection]:
        begun = getattr(self._transactions, "connection", None)
        if begun is not None:
            yield begun
            return
        with self._connections.connect() as connection:
            yield connection


class KeptPostgresStorage(DagsterPostgresStorage):
    """Keeps all of Dagster's state in PostgreSQL; givlake names it in `dagster.yaml`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        """Connect to a database, and create Dagster's tables if there are none.

        Raises:
            DagsterDatabaseError: PostgreSQL refuses.
        """
        self.postgres_url = with_driver(postgres_url)
        self.should_autocreate_tables = should_autocreate_tables
        self._inst_data = inst_data
        kept = KeptConnections(self.postgres_url, token_provider)
        with kept.connect() as connection:
            tables = sqlalchemy.inspect(connection)
            creates = should_autocreate_tables and not tables.has_table(_LAST_TABLE)
            if creates:
                connection.execute(
                    sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(_CREATION_LOCK))
                )
            try:
                options = {"should_autocreate_tables": creates, "token_provider": token_provider}
                self._run_storage = KeptRunStorage(kept, self.postgres_url, **options)
                self._event_log_storage = KeptPostgresEventLogStorage(
                    kept, self.postgres_url, **options
                )
                self._schedule_storage = KeptScheduleStorage(kept, self.postgres_url, **options)
            finally:
                if creates:
                    connection.execute(
                        sqlalchemy.select(sqlalchemy.func.pg_advisory_unlock(_CREATION_LOCK))
                    )
        # Its own `__init__` would make three storages that keep nothing.
        super(DagsterPostgresStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Return the storage that `dagster.yaml` configures."""
        address = pg_url_from_config(config_value)
        if "postgres_db" in config_value:
            # Dagster leaves a / in the password.
            address = sqlalchemy.make_url(address).render_as_string(hide_password=False)
        return cls(
            address,
            config_value.get("should_autocreate_tables", True),
            inst_data,
            get_token_provider_from_config(config_value),
        )


def engines(instance: dg.DagsterInstance) -> list[sqlalchemy.Engine]:
    """Return an engine for each database of PostgreSQL in which an instance keeps state."""
    found = {}
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        if isinstance(storage, _Kept):
            found[storage.postgres_url] = storage.engine
        elif isinstance(storage, _DAGSTERS_OWN):
            found[storage.postgres_url] = storage._engine
    return list(found.values())


def with_driver(address: str) -> str:
    """Return an address of PostgreSQL with the driver that `dagster-postgres` brings.

    Raises:
        SettingsError: It is none, has another driver, or a password that could be shown.
    """
    try:
        PostgresUrl(address)
        url = sqlalchemy.make_url(address)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # Its text is not shown: it can have a password.
        raise SettingsError(
            f"The address of PostgreSQL in {file_in_use()} is none that can be used: write it as"
            " postgresql://user:password@host:5432/database, without another driver, and special"
            " characters of a password as %40 and so on"
        ) from None
    return url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def _is_left_to_dagster(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Return whether Dagster handles an error itself: another process was first."""
    duplicate = getattr(error.orig, "pgcode", None) == "42P07"
    return duplicate or isinstance(error, sqlalchemy.exc.IntegrityError)
