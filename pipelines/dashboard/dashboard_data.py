"""What the pages of the dashboard ask: what the account has, and the charts of a scope."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from assets.catalogue_views import DEFAULT_CURRENCY
from givenergy.server_clock import utc_now
from givenergy.version import __version__
from pipelines.dashboard.account_summary import ingestion_state, tariffs_on
from pipelines.dashboard.chart_query import ChartQuery, UnknownChartError, chart_query
from pipelines.dashboard.chart_rows import ChartRows
from pipelines.dashboard.folder_reader import FolderReader, OpenFolder, StoppedError
from pipelines.dashboard.scope import Scope, ScopeError, scope_of
from pipelines.recommended_commands import with_account
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.connection import fetch_table, retrying
from warehouse.errors import WarehouseError

# The charts at the top of a page.
_FIRST = ("energy", "power", "totals", "now", "half_hours", "flows")
_NO_CAPITAL = "10000"
_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_Answer = TypeVar("_Answer")
_Fetch = Callable[[duckdb.DuckDBPyConnection, str, Mapping[str, object]], _Result]


class DashboardData:
    """Answers the questions of the pages of one data folder; safe for threads."""

    def __init__(self, settings: Settings, **options: float) -> None:
        """Remember where the data folder is.

        Args:
            settings: Where the data folder is.
            options: Those of `FolderReader`.
        """
        self._settings = settings
        self._reader = FolderReader(settings, **options)
        self._had_data = False

    def close(self) -> None:
        """Close the data folder."""
        self._reader.close()

    def warm_up(self) -> None:
        """Open the folder and read what the first page shows, so that it need not wait."""
        try:
            scope, _ = self.scope({})
            for name in _FIRST:
                self.rows(name, scope, {})
        except (WarehouseError, SettingsError, duckdb.Error) as error:
            # The page says it too.
            _LOG.info("%s", error)

    @property
    def account_name(self) -> str | None:
        """The name of the account, if the owner has given it one."""
        return self._settings.account_name

    def about(self) -> dict[str, object]:
        """Return what the account has, and the state of the data."""
        now = utc_now()
        answer: dict[str, object] = {
            "version": __version__,
            # What commands begin with that are about this account.
            "program": with_account("givlake dashboard").removesuffix(" dashboard"),
            "folder": self._settings.data.name,
            "today": now.date(),
            "data_version": "",
            "sites": [],
            "chargers": [],
            "tariffs": [],
            "currency": DEFAULT_CURRENCY,
            "has_tariff": False,
            "ingestion": ingestion_state(self._settings, now),
            "last_fetched_at": None,
            "is_empty": True,
            "problems": [],
        }
        try:
            # Opening the folder may correct the clock.
            answer |= self._read(lambda folder: self._about(folder, utc_now()))
        except (WarehouseError, SettingsError, duckdb.Error) as error:
            answer["problems"] = [_first_line(error)]
        if answer["is_empty"] and self._had_data:
            # As when a disk is not mounted: nobody should fetch everything again.
            answer["problems"] = [
                f"The data of {self._settings.data} were there and are gone: see whether the folder"
                " was moved or its disk is not mounted."
            ]
        self._had_data = self._had_data or not answer["is_empty"]
        return answer

    def scope(self, arguments: Mapping[str, str]) -> tuple[Scope, Mapping[str, object]]:
        """Return the scope of an address, and as pages get it.

        Args:
            arguments: The arguments of the address.

        Raises:
            ScopeError: An argument is not valid.
            WarehouseError: The folder cannot be used.
        """
        with self._reader.reading() as folder:
            scope = scope_of(arguments, folder.account.device(arguments.get("of")), utc_now())
            more = {"currency": folder.currency, "data_version": folder.data_version}
            return scope, scope.as_json() | more

    def charts(
        self, names: Sequence[str], scope: Scope, arguments: Mapping[str, str]
    ) -> dict[str, object]:
        """Return charts as pages get them; one that fails has its error.

        Args:
            names: The charts.
            scope: What is shown.
            arguments: The arguments of the address, for parameters of single charts.

        Raises:
            ScopeError: An argument is not valid.
            UnknownChartError: There is no such chart.
        """
        answers: dict[str, object] = {}
        for name in dict.fromkeys(names):
            try:
                answers[name] = self.rows(name, scope, arguments).as_json()
            except (ScopeError, UnknownChartError):
                raise
            except StoppedError:
                # There is nobody to show the others to.
                raise
            except Exception as error:
                # Whatever it is, the other charts are shown.
                _LOG.warning("chart %s: %s: %s", name, type(error).__name__, error)
                answers[name] = {"error": f"This cannot be shown: {_first_line(error)}"}
        return answers

    def rows(self, name: str, scope: Scope, arguments: Mapping[str, str]) -> ChartRows:
        """Return the rows of a chart.

        Args:
            name: The chart.
            scope: What is shown.
            arguments: The arguments of the address.

        Raises:
            ScopeError: An argument is not valid.
            UnknownChartError: There is no such chart.
            WarehouseError: The folder cannot be used.
            duckdb.Error: The query failed.
        """
        query, values, columns = self._answer(name, scope, arguments, _columns)
        if columns is None:
            columns = {column: [] for column in query.mart.columns}
        return ChartRows(query, query.with_literals(values), columns)

    def parquet(self, name: str, scope: Scope, arguments: Mapping[str, str]) -> bytes:
        """Return the rows of a chart as a Parquet file.

        Args:
            name: The chart.
            scope: What is shown.
            arguments: The arguments of the address.

        Raises:
            ScopeError: An argument is not valid.
            UnknownChartError: There is no such chart.
            WarehouseError: The folder cannot be used.
            duckdb.Error: The query failed.
        """
        query, _, table = self._answer(name, scope, arguments, _table)
        if table is None:
            table = pa.table({column: pa.nulls(0) for column in query.mart.columns})
        file = io.BytesIO()
        pq.write_table(table, file)
        return file.getvalue()

    def _answer(
        self, name: str, scope: Scope, arguments: Mapping[str, str], fetch: _Fetch[_Result]
    ) -> tuple[ChartQuery, Mapping[str, object], _Result | None]:
        """Return a chart's query, the values of its parameters, and its result if there are data.

        Args:
            name: The chart.
            scope: What is shown.
            arguments: The arguments of the address.
            fetch: Runs SQL with parameters.
        """
        values = scope.parameters() | {"capital": _capital(arguments)}

        def answer(folder: OpenFolder) -> tuple[ChartQuery, _Result | None]:
            # Opening the folder may correct the clock.
            values["now"] = utc_now()
            kind = "site" if scope.device is None else scope.device.kind
            query = chart_query(name, kind, folder.currency)
            connection = folder.connection
            if scope.device is None or connection is None:
                return query, None
            folder.use(scope.device, query.mart.reads)
            return query, retrying(partial(fetch, connection, query.mart.sql, query.bound(values)))

        query, result = self._read(answer)
        return query, values, result

    def _read(self, work: Callable[[OpenFolder], _Answer]) -> _Answer:
        """Do something with the folder; once more if ingestion replaced what was open."""
        try:
            with self._reader.reading() as folder:
                return work(folder)
        except (WarehouseError, duckdb.Error):
            self._reader.reopen()
        with self._reader.reading() as folder:
            return work(folder)

    def _about(self, folder: OpenFolder, now: datetime) -> dict[str, object]:
        account = folder.account
        tariffs = [] if folder.connection is None else tariffs_on(folder.connection, now.date())
        sites = []
        for name in account.sites:
            site = account.site(name)
            inverters = [
                {"serial": each.serial, "model": each.model, "role": each.role, "name": each.serial}
                for each in account.inverters_of(name)
            ]
            sites.append(
                {
                    "site": name,
                    "inverters": inverters,
                    "zone": site.zone,
                    "first_date": site.first_date,
                    "last_date": site.last_date,
                }
            )
        first = account.device(None)
        return {
            "today": scope_of({}, first, now).today,
            "data_version": folder.data_version,
            "sites": sites,
            "chargers": [{"uuid": key, "name": name} for key, name in account.chargers.items()],
            "tariffs": tariffs,
            "currency": folder.currency,
            "has_tariff": any(tariff["is_used"] for tariff in tariffs),
            "last_fetched_at": account.last_fetched_at,
            "is_empty": folder.lake.is_empty or not account.inverters,
            "problems": [*folder.lake.problems],
        }


def _columns(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]
) -> dict[str, list[Any]]:
    # Half as dear as by way of Arrow, for which the query is planned twice.
    result = connection.execute(sql, dict(values))
    names = [column[0] for column in result.description]
    rows = result.fetchall()
    if not rows:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _table(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]
) -> pa.Table:
    return fetch_table(connection, sql, values)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _capital(arguments: Mapping[str, str]) -> float:
    text = arguments.get("capital") or _NO_CAPITAL
    try:
        capital = float(text)
    except ValueError:
        capital = -1.0
    if not 0 < capital < 1e9:
        raise ScopeError(f"capital={text!r} is no amount of money: use a number such as 8500.")
    return capital
