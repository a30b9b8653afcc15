"""Comparing the files of a dataset with those that were made a second time, month by month.

What the files are, and what to say of differences, belongs to ``verify``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.connection import root_of
from warehouse.errors import DamagedError
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.tables.partition_files import read
from warehouse.verification.canonical_form import scratch_database


@dataclass(frozen=True, slots=True)
class Store:
    """Files that hold rows of one kind.

    Attributes:
        name: For people.
        folder: Folder (or the one file) below the data folder.
        schema: Of the rows.
        key: The columns that identify a row; none where rows may repeat.
    """

    name: str
    folder: str
    schema: pa.Schema
    key: tuple[str, ...] = ()


@dataclass(slots=True)
class Difference:
    """How the rows of a month differ from what the archive yields.

    Attributes:
        month: ``YYYY-MM``; "" where rows are not kept by month.
        missing: Rows that the archive yields and the store lacks.
        extra: Rows that the archive does not yield.
        different: Rows that are there with other values.
        repeated: Keys that are there more than once.
        lost: Extra or different rows whose response is not in the archive.
        example: The first row of them.
        unreadable: What is wrong with a file, where one cannot be read.
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
    """The files of a data folder beside those of a second one over the same archive.

    Attributes:
        rows: Rows with a key that were compared so far.
    """

    def __init__(self, stored: Lake, yielded: Lake, dataset: str) -> None:
        """Compare the files of a dataset in ``stored`` with those in ``yielded``."""
        self._stored, self._yielded, self._dataset = stored, yielded, dataset
        self.rows = 0

    def responses(self) -> int:
        """Count the responses that the second folder was made of."""
        paths = (self._yielded.folder / self._accounts).glob("*.parquet")
        return sum(pq.read_metadata(path).num_rows for path in paths)

    def differences(self, store: Store) -> Iterator[Difference]:
        """Yield how a store differs, a month at a time."""
        stored = _by_month(self._stored.folder, store.folder)
        yielded = _by_month(self._yielded.folder, store.folder)
        for month in sorted(stored.keys() | yielded.keys()):
            mine, theirs = stored.get(month, []), yielded.get(month, [])
            if store.key:
                self.rows += sum(pq.read_metadata(path).num_rows for path in theirs)
            if _same_files(mine, theirs):
                continue
            found = Difference(month, unreadable=_unreadable(mine, store, self._stored.folder))
            if not found.unreadable:
                with scratch_database(self._stored) as connection:
                    _open(connection, "stored", mine, store.schema)
                    _open(connection, "yielded", theirs, store.schema)
                    (self._by_key if store.key else self._by_content)(connection, store, found)
            if found.unreadable or found:
                yield found

    def accounts(self, tables: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Yield a sentence for each way in which rows are not accounted for.

        With each comes whether a rebuild mends it without a loss.

        Args:
            tables: Folders of the dataset's tables.
        """
        folder = self._stored.folder
        mine = sorted((folder / self._accounts).glob("*.parquet"))
        theirs = sorted((self._yielded.folder / self._accounts).glob("*.parquet"))
        book = Store("accounts", self._accounts, ACCOUNTING_SCHEMA)
        if unreadable := _unreadable(mine, book, folder):
            yield f"accounts of {self._dataset}: {unreadable}", True
            return
        with scratch_database(self._stored) as connection:
            _open(connection, "stored", mine, ACCOUNTING_SCHEMA)
            _open(connection, "yielded", theirs, ACCOUNTING_SCHEMA)
            wrong, entered = _one(
                connection,
                "SELECT count(*) FILTER (rows_in <> new + identical + superseding + superseded"
                " + quarantined), coalesce(sum(new), 0) FROM stored",
            )
            lost, other, first = _one(
                connection,
                "SELECT count(*) FILTER (yielded.rows_in IS NULL),"
                " count(*) FILTER (yielded.rows_in IS NOT NULL), min(response_id)"
                " FROM stored FULL JOIN yielded USING (response_id)"
                " WHERE stored.rows_in IS DISTINCT FROM yielded.rows_in",
            )
        of = f"accounts of {self._dataset}"
        if wrong:
            yield f"{of}: responses whose rows do not add up: {wrong:,}", True
        if other:
            yield (
                (
                    f"{of}: responses entered with other rows than the archive holds: {other:,} "
                    f"(the first: {first})"
                ),
                True,
            )
        if lost:
            yield f"{of}: responses entered that the archive no longer holds: {lost:,}", False
        try:
            held = sum(
                pq.read_metadata(path).num_rows
                for table in tables
                for path in (folder / table).rglob("*.parquet")
            )
        except (OSError, pa.ArrowException):
            return  # the file was named when its table was compared
        if held != entered:
            yield f"{of}: rows entered as new: {int(entered):,}, in the tables: {held:,}", True

    @property
    def _accounts(self) -> str:
        return f"index/row_accounting/{self._dataset}"

    def _by_key(self, connection: duckdb.DuckDBPyConnection, store: Store, to: Difference) -> None:
        """Tell rows that are missing, extra or different by their key."""
        key = ", ".join(f'"{name}"' for name in store.key)
        same = " AND ".join(f's."{name}" = y."{name}"' for name in store.key)
        differs = " OR ".join(
            f's."{name}" IS DISTINCT FROM y."{name}"'
            for name in store.schema.names
            if name not in store.key
        )
        both = ", ".join(f'coalesce(s."{name}", y."{name}") AS "{name}"' for name in store.key)
        connection.execute(
            f"CREATE TEMP TABLE found AS SELECT {both}, s.response_id AS response_id, "
            "s.here IS NULL AS missing, y.here IS NULL AS extra"
            " FROM (SELECT *, true AS here FROM stored) s"
            f" FULL JOIN (SELECT *, true AS here FROM yielded) y ON {same}"
            f" WHERE s.here IS NULL OR y.here IS NULL OR {differs}"
        )
        to.missing, to.extra, to.different = _one(
            connection,
            "SELECT count(*) FILTER (missing), count(*) FILTER (extra),"
            " count(*) FILTER (NOT missing AND NOT extra) FROM found",
        )
        repeated = f"SELECT {key} FROM stored GROUP BY {key} HAVING count(*) > 1"
        (to.repeated,) = _one(connection, f"SELECT count(*) FROM ({repeated})")
        self._describe(connection, f"SELECT {key} FROM found UNION ALL ({repeated})", to)

    def _by_content(
        self, connection: duckdb.DuckDBPyConnection, store: Store, to: Difference
    ) -> None:
        """Tell rows that are missing or extra by all that is in them."""
        connection.execute(
            "CREATE TEMP TABLE found AS SELECT *, true AS missing FROM"
            " (FROM yielded EXCEPT ALL FROM stored)"
            " UNION ALL SELECT *, false FROM (FROM stored EXCEPT ALL FROM yielded)"
        )
        to.missing, to.extra = _one(
            connection, "SELECT count(*) FILTER (missing), count(*) FILTER (NOT missing) FROM found"
        )
        self._describe(connection, "SELECT * EXCLUDE (missing) FROM found", to)

    def _describe(self, connection: duckdb.DuckDBPyConnection, rows: str, to: Difference) -> None:
        """Enter the first of the rows, and how many came from responses that are lost."""
        if not to:
            return
        first = connection.execute(f"SELECT * FROM ({rows}) ORDER BY ALL LIMIT 1")
        names = [column[0] for column in first.description or ()]
        values = first.fetchone() or ()
        told = [
            (name, value) for name, value in zip(names, values, strict=True) if value is not None
        ]
        to.example = ", ".join(f"{name} {value}" for name, value in told[:4])
        columns = {row[0] for row in connection.execute("DESCRIBE found").fetchall()}
        if "response_id" not in columns:
            return
        connection.execute("CREATE TEMP TABLE archived (response_id BIGINT)")
        for ids in self._stored.archive.scan(["response_id"], dataset=self._dataset):
            connection.register("ids", ids)
            connection.execute("INSERT INTO archived SELECT response_id FROM ids")
        (to.lost,) = _one(
            connection,
            "SELECT count(*) FROM found WHERE NOT missing"
            " AND response_id NOT IN (SELECT response_id FROM archived)",
        )


def _by_month(root: Path, folder: str) -> dict[str, list[Path]]:
    """Return the files of a store by month, those of the catalogue's views and no others."""
    found: dict[str, list[Path]] = {}
    single = root / folder
    for path in [single] if single.is_file() else sorted(single.rglob("*.parquet")):
        month = path.parent.name.removeprefix("month=") if path.parent != single else ""
        found.setdefault("" if path == single else month, []).append(path)
    return found


def _same_files(mine: Sequence[Path], theirs: Sequence[Path]) -> bool:
    if [path.name for path in mine] != [path.name for path in theirs]:
        return False
    return all(
        one.stat().st_size == other.stat().st_size and sha256_of(one) == sha256_of(other)
        for one, other in zip(mine, theirs, strict=True)
    )


def _unreadable(paths: Sequence[Path], store: Store, root: Path) -> str:
    """Say which file cannot be read as rows of the store; DuckDB does not look at checksums."""
    for path in paths:
        try:
            read(path, store.schema)
        except (DamagedError, TypeError, ValueError) as error:
            reason = str(error.__cause__ or error).splitlines()[0][:120]
            return f"file {path.relative_to(root)} cannot be read ({reason})"
    return ""


def _open(
    connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path], schema: pa.Schema
) -> None:
    """Make a view of some files; without files it has no rows."""
    if not paths:
        connection.register(name, schema.empty_table())
        return
    columns = ", ".join(f'"{column}"' for column in schema.names)
    listed = ", ".join(f"'{root_of(path)}'" for path in paths)
    connection.execute(
        f"CREATE TEMP VIEW {name} AS SELECT {columns}"
        f" FROM read_parquet([{listed}], hive_partitioning = false)"
    )


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    return connection.execute(query).fetchone() or ()
