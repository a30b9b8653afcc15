"""Owners whose Dagster keeps its state in PostgreSQL."""

import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from simulator import Simulator
from tests.support.owner import Owner

PASSWORD = "s3cret"
DAY = ("--start", "2025-06-01", "--end", "2025-06-02")


def owner_with(folder: Path, sim: Simulator, database: str, **settings: str) -> Owner:
    """Make an owner of a simulated account with a folder whose Dagster uses a database."""
    own = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_ENV_FILE": "", **settings}
    owner = Owner(folder, own, token=sim.token)
    use_database(owner, database)
    return owner


def use_database(owner: Owner, database: str) -> None:
    """Write the override file of an owner; the address gets a password, which nobody checks."""
    home = Path(owner.settings.get("DAGSTER_HOME", owner.data / "dagster"))
    home.mkdir(parents=True, exist_ok=True)
    address = database.replace("@", f":{PASSWORD}@", 1)
    text = f"storage:\n  postgres:\n    postgres_url: {address}\n"
    (home / "dagster.override.yaml").write_text(text)


def query(database: str, text: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall()


def execute(database: str, text: str) -> None:
    """Execute statements."""
    with closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)


def all_text(database: str) -> Iterator[tuple[str, str]]:
    """Yield every row of every table as text with the table's name, compressed values unpacked."""
    tables = query(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        for (table,) in tables:
            cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
            for row in cursor.fetchall():
                yield table, " ".join(map(_readable, row))


def tables_with(database: str, name: str) -> set[str]:
    """Return the tables that have a name in any column."""
    return {table for table, text in all_text(database) if name in text}


def _readable(value: object) -> str:
    if isinstance(value, memoryview):
        return zlib.decompress(value).decode()
    return str(value)
