"""Comparison of a dataset's files with a rebuild of them, month by month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.catalogue_location import root_of
from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.storage.parquet_files import empty_table, read
from warehouse.verification.canonical_form import scratch_database


@dataclass(frozen=True, slots=True)
class ComparedFiles:
    """Files with rows of one kind.

    Attributes:
        name: Name for messages.
        folder: The folder, or the single file, in the data folder.
        schema: Schema of the rows.
        key: The columns that identify a row; empty if rows may repeat.
    """

    name: str
    folder: str
    schema: pa.Schema
    key: tuple[str, ...] = ()


@dataclass(slots=True)
class Difference:
    """The differences between the rows of a month and their rebuild from the archive.

    Attributes:
        month: `YYYY-MM`; "" if files are not partitioned by month.
        missing: Rows that are only in the rebuild.
        extra: Rows that are not in the rebuild.
        different: Rows with other values.
        repeated: Keys that occur more than once.
        lost: Extra or different rows whose response is not in the archive.
        example: The first of these rows.
        unreadable: The problem with a file that cannot be read; "" if all can be.
    """

    month: str
    missing: int = 0
    extra: int = 0
    different: int = 0
    repeated: int = 0
    lost: int = 0
    example: str = ""
    unreadable: str = ""

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.different or self.repeated)


class TableDiff:
    """A comparison of two data folders with the same archive.

    Attributes:
        rows: Number of rows with a key compared so far.
    """

    def __init__(self, stored: Lake, rebuilt: Lake, dataset: str) -> None:
        """Compare the files of a dataset in `stored` with those in `rebuilt`."""
        self._stored, self._rebuilt, self._dataset = stored, rebuilt, dataset
        self.rows = 0

    def responses(self) -> int:
        """Count the responses in the rebuild."""
        paths = (self._rebuilt.folder / self._accounting_folder).glob("*.parquet")
        return sum(pq.read_metadata(path).num_rows for path in paths)

    def differences(self, files: ComparedFiles) -> Iterator[Difference]:
        """Yield the differences, month by month."""
        all_stored = _by_month(self._stored.folder, files.folder)
        all_rebuilt = _by_month(self._rebuilt.folder, files.folder)
        for month in sorted(all_stored.keys() | all_rebuilt.keys()):
            stored, rebuilt = all_stored.get(month, []), all_rebuilt.get(month, [])
            if files.key:
                self.rows += sum(pq.read_metadata(path).num_rows for path in rebuilt)
            if _same_files(stored, rebuilt):
                continue
            difference = Difference(
                month, unreadable=_unreadable(stored, files, self._stored.folder)
            )
            if not difference.unreadable:
                compare = self._compare_by_key if files.key else self._compare_by_content
                with scratch_database(self._stored) as connection:
                    _open(connection, "stored", stored, files.schema)
                    _open(connection, "rebuilt", rebuilt, files.schema)
                    compare(connection, files, difference)
            if difference.unreadable or difference:
                yield difference

    def accounting_errors(self, tables: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Yield a message for each error of the row accounting, and whether a rebuild fixes it.

        Args:
            tables: Folders of the dataset's tables.
        """
        folder = self._stored.folder
        stored = sorted((folder / self._accounting_folder).glob("*.parquet"))
        rebuilt = sorted((self._rebuilt.folder / self._accounting_folder).glob("*.parquet"))
        name = f"row accounting of {self._dataset}"
        files = ComparedFiles(name, self._accounting_folder, ACCOUNTING_SCHEMA)
        if unreadable := _unreadable(stored, files, folder):
            yield f"{name}: {unreadable}", True
            return
        with scratch_database(self._stored) as connection:
            _open(connection, "stored", stored, ACCOUNTING_SCHEMA)
            _open(connection, "rebuilt", rebuilt, ACCOUNTING_SCHEMA)
            wrong, new_rows = _fetch_row(
                connection,
                "SELECT count(*) FILTER (rows_in <> new + identical + superseding + superseded"
                " + quarantined), coalesce(sum(new), 0) FROM stored",
            )
            lost, different, first = _fetch_row(
                connection,
                "SELECT count(*) FILTER (rebuilt.rows_in IS NULL),"
                " count(*) FILTER (rebuilt.rows_in IS NOT NULL), min(response_id)"
                " FROM stored FULL JOIN rebuilt USING (response_id)"
                " WHERE stored.rows_in IS DISTINCT FROM rebuilt.rows_in"
                " OR stored.partly_quarantined IS DISTINCT FROM rebuilt.partly_quarantined",
            )
        if wrong:
            yield f"{name}: responses whose rows do not add up: {wrong:,}", True
        if different:
            yield (
                f"{name}: responses with a different number of rows than in the archive: "
                f"{different:,} (the first: {first})",
                True,
            )
        if lost:
            yield f"{name}: responses that are no longer in the archive: {lost:,}", False
        try:
            table_rows = sum(
                pq.read_metadata(path).num_rows
                for table in tables
                for path in (folder / table).rglob("*.parquet")
            )
        except (OSError, pa.ArrowException):
            return  # reported by the comparison of its table
        if table_rows != new_rows:
            yield f"{name}: {int(new_rows):,} new rows, but {table_rows:,} in the tables", True

    @property
    def _accounting_folder(self) -> str:
        return f"index/row_accounting/{self._dataset}"

    def _compare_by_key(
        self, connection: duckdb.DuckDBPyConnection, files: ComparedFiles, difference: Difference
    ) -> None:
        """Find missing, extra and different rows by their key."""
        key = ", ".join(f'"{name}"' for name in files.key)
        same = " AND ".join(f's."{name}" = r."{name}"' for name in files.key)
        differs = " OR ".join(
            f's."{name}" IS DISTINCT FROM r."{name}"'
            for name in files.schema.names
            if name not in files.key
        )
        both = ", ".join(f'coalesce(s."{name}", r."{name}") AS "{name}"' for name in files.key)
        connection.execute(
            f"CREATE TEMP TABLE differences AS SELECT {both}, s.response_id AS response_id, "
            "s.is_present IS NULL AS missing, r.is_present IS NULL AS extra"
            " FROM (SELECT *, true AS is_present FROM stored) s"
            f" FULL JOIN (SELECT *, true AS is_present FROM rebuilt) r ON {same}"
            f" WHERE s.is_present IS NULL OR r.is_present IS NULL OR {differs}"
        )
        difference.missing, difference.extra, difference.different = _fetch_row(
            connection,
            "SELECT count(*) FILTER (missing), count(*) FILTER (extra),"
            " count(*) FILTER (NOT missing AND NOT extra) FROM differences",
        )
        repeated = f"SELECT {key} FROM stored GROUP BY {key} HAVING count(*) > 1"
        (difference.repeated,) = _fetch_row(connection, f"SELECT count(*) FROM ({repeated})")
        self._describe(
            connection, f"SELECT {key} FROM differences UNION ALL ({repeated})", difference
        )

    def _compare_by_content(
        self, connection: duckdb.DuckDBPyConnection, files: ComparedFiles, difference: Difference
    ) -> None:
        """Find missing and extra rows by all their columns."""
        connection.execute(
            "CREATE TEMP TABLE differences AS SELECT *, true AS missing FROM"
            " (FROM rebuilt EXCEPT ALL FROM stored)"
            " UNION ALL SELECT *, false FROM (FROM stored EXCEPT ALL FROM rebuilt)"
        )
        difference.missing, difference.extra = _fetch_row(
            connection,
            "SELECT count(*) FILTER (missing), count(*) FILTER (NOT missing) FROM differences",
        )
        self._describe(connection, "SELECT * EXCLUDE (missing) FROM differences", difference)

    def _describe(
        self, connection: duckdb.DuckDBPyConnection, rows: str, difference: Difference
    ) -> None:
        """Set the example, and the number of rows from responses that are lost."""
        if not difference:
            return
        first = connection.execute(f"SELECT * FROM ({rows}) ORDER BY ALL LIMIT 1")
        names = [column[0] for column in first.description or ()]
        values = first.fetchone() or ()
        known = [
            (name, value) for name, value in zip(names, values, strict=True) if value is not None
        ]
        difference.example = ", ".join(f"{name} {value}" for name, value in known[:4])
        columns = {row[0] for row in connection.execute("DESCRIBE differences").fetchall()}
        if "response_id" not in columns:
            return
        connection.execute("CREATE TEMP TABLE archived (response_id BIGINT)")
        for ids in self._stored.archive.scan(["response_id"], dataset=self._dataset):
            connection.register("ids", ids)
            connection.execute("INSERT INTO archived SELECT response_id FROM ids")
        (difference.lost,) = _fetch_row(
            connection,
            "SELECT count(*) FROM differences WHERE NOT missing"
            " AND response_id NOT IN (SELECT response_id FROM archived)",
        )


def _by_month(root: Path, folder: str) -> dict[str, list[Path]]:
    """Return the files by month, the same files that the views of the catalogue read."""
    files: dict[str, list[Path]] = {}
    base = root / folder
    for path in [base] if base.is_file() else sorted(base.rglob("*.parquet")):
        month = path.parent.name.removeprefix("month=") if path.parent != base else ""
        files.setdefault("" if path == base else month, []).append(path)
    return files


def _same_files(stored: Sequence[Path], rebuilt: Sequence[Path]) -> bool:
    if [path.name for path in stored] != [path.name for path in rebuilt]:
        return False
    return all(
        left.stat().st_size == right.stat().st_size and sha256_of(left) == sha256_of(right)
        for left, right in zip(stored, rebuilt, strict=True)
    )


def _unreadable(paths: Sequence[Path], files: ComparedFiles, root: Path) -> str:
    """Return a message if a file cannot be read; DuckDB does not verify checksums."""
    for path in paths:
        try:
            read(path, files.schema)
        except (DamagedError, TypeError, ValueError) as error:
            reason = str(error.__cause__ or error).splitlines()[0][:120]
            return f"file {path.relative_to(root)} cannot be read ({reason})"
    return ""


def _open(
    connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path], schema: pa.Schema
) -> None:
    """Create a view of files; without files it has no rows."""
    if not paths:
        connection.register(name, empty_table(schema))
        return
    columns = ", ".join(f'"{column}"' for column in schema.names)
    listed = ", ".join(f"'{root_of(path)}'" for path in paths)
    connection.execute(
        f"CREATE TEMP VIEW {name} AS SELECT {columns}"
        f" FROM read_parquet([{listed}], hive_partitioning = false)"
    )


def _fetch_row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    return connection.execute(query).fetchone() or ()
