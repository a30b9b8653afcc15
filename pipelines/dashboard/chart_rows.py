"""The rows of charts for a scope, and what else a page of the dashboard needs."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from assets.catalogue_views import DEFAULT_CURRENCY
from givenergy import utc_now
from givenergy.version import __version__
from pipelines.dashboard.account_summary import ingestion_state, tariffs_on
from pipelines.dashboard.chart_query import ChartQuery, UnknownChartError, chart_query
from pipelines.dashboard.folder_reader import FolderReader, OpenFolder
from pipelines.dashboard.scope import Scope, ScopeError, scope_of
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse import WarehouseError, retrying
from warehouse.export.sinks import escape_formula

# The charts at the top of a page.
_FIRST = ("energy", "power", "totals", "now", "half_hours", "flows")
_NO_CAPITAL = "10000"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChartRows:
    """The rows of a chart.

    Attributes:
        query: The query of the chart.
        sql: Its SQL with the values of the scope, as it runs on the catalogue.
        table: The rows.
    """

    query: ChartQuery
    sql: str
    table: pa.Table

    def as_json(self) -> dict[str, object]:
        """Return the chart as pages get it."""
        return {
            "columns": self.table.to_pydict(),
            "rows": self.table.num_rows,
            "sql": self.sql,
            "description": self.query.mart.description,
            "notes": self.query.mart.notes,
            "column_descriptions": self.query.mart.columns,
            "reads": self.query.mart.reads,
        }

    def as_csv(self) -> bytes:
        """Return the rows as CSV, with the values as they are in JSON."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.table.column_names)
        columns = [column.to_pylist() for column in self.table.columns]
        writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))
        return text.getvalue().encode()

    def as_parquet(self) -> bytes:
        """Return the rows as a Parquet file."""
        file = io.BytesIO()
        pq.write_table(self.table, file)
        return file.getvalue()


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

    def about(self) -> dict[str, object]:
        """Return what the account has, and the state of the data."""
        now = utc_now()
        answer: dict[str, object] = {
            "version": __version__,
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
            with self._reader.reading() as folder:
                # Opening the folder may correct the clock.
                answer |= self._about(folder, utc_now())
        except (WarehouseError, SettingsError) as error:
            answer["problems"] = [str(error)]
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
        values = scope.parameters() | {"capital": _capital(arguments), "now": utc_now()}
        for is_last in (False, True):
            with self._reader.reading() as folder:
                kind = "site" if scope.device is None else scope.device.kind
                query = chart_query(name, kind, folder.currency)
                sql = query.with_literals(values)
                if scope.device is None or folder.connection is None:
                    return ChartRows(query, sql, _empty(query.mart.columns))
                try:
                    folder.use(scope.device, query.mart.reads)
                    return ChartRows(query, sql, _rows(folder, query, values))
                except (WarehouseError, duckdb.Error):
                    # Ingestion may have replaced what was open.
                    if is_last:
                        raise
            self._reader.reopen()
        raise AssertionError

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
            "has_tariff": any(tariff["is_in_force"] for tariff in tariffs),
            "last_fetched_at": account.last_fetched_at,
            "is_empty": folder.lake.is_empty or not account.inverters,
            "problems": [*folder.lake.problems],
        }


def encode(answer: object) -> bytes:
    """Return an answer as JSON: days as YYYY-MM-DD, moments in UTC with Z, never NaN."""
    return msgspec.json.encode(answer)


def _rows(folder: OpenFolder, query: ChartQuery, values: Mapping[str, object]) -> pa.Table:
    connection = folder.connection
    assert connection is not None
    table: pa.Table = retrying(
        lambda: connection.sql(query.mart.sql, params=query.bound(values)).to_arrow_table()
    )
    return table


def _empty(names: Iterable[str]) -> pa.Table:
    return pa.table({name: pa.nulls(0) for name in names})


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


def _cell(value: Any) -> object:
    """Return a value as the text of JSON has it; a text that is a formula is marked."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) and value else value
