"""Erase names from Dagster's tables in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

import sqlalchemy

from pipelines.database_errors import DagsterDatabaseError, database_error
from pipelines.instance import open_instance
from pipelines.settings import Settings
from warehouse.forget import pattern_of

_LOCK_TIMEOUT = "60s"
_COLUMNS = """
SELECT table_name, column_name, data_type
FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = ANY (:tables)
    AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb')
ORDER BY table_name, column_name
"""


def erase_from_database(settings: Settings, placeholders: Mapping[str, str]) -> None:
    """Replace names in every text of Dagster's tables; other tables of the database stay the same.

    Deleted versions of the rows stay in PostgreSQL's free pages, log and backups until it reuses
    them.

    Args:
        settings: Where Dagster's state is.
        placeholders: What stands in place of each name.

    Raises:
        DagsterDatabaseError: PostgreSQL refuses, or a row stays locked for a minute.
    """
    # Imported here, because it needs packages of an extra.
    from pipelines.dagster_workarounds.postgres import FAULTS, TABLES, engines

    try:
        with open_instance(settings) as instance:
            for engine in engines(instance):
                for table, columns in groupby(_columns(engine, TABLES), key=lambda each: each[0]):
                    _erase_from_table(engine, table, [rest for _, *rest in columns], placeholders)
    except FAULTS as error:
        known = error if isinstance(error, DagsterDatabaseError) else database_error(None, error)
        raise DagsterDatabaseError(
            "Erased from the data folder and what was published, but not yet from Dagster's"
            f" database. {known}"
        ) from error


def _columns(engine: sqlalchemy.Engine, tables: Collection[str]) -> Sequence[Sequence[str]]:
    """Return table, name and type of the columns that can have a text."""
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.text(_COLUMNS), {"tables": sorted(tables)})
        return [tuple(map(str, row)) for row in rows]


def _erase_from_table(
    engine: sqlalchemy.Engine,
    table: str,
    columns: Sequence[Sequence[str]],
    placeholders: Mapping[str, str],
) -> None:
    """Replace names in the columns of a table, in one transaction."""
    values = {"any": pattern_of(placeholders).pattern}
    for number, (name, placeholder) in enumerate(placeholders.items()):
        values |= {f"name{number}": pattern_of([name]).pattern, f"by{number}": placeholder}
    changes, found = [], []
    for column, kind in columns:
        text = f'CAST("{column}" AS text)'
        found.append(f"{text} ~ :any")
        for number in range(len(placeholders)):
            text = f"regexp_replace({text}, :name{number}, :by{number}, 'g')"
        changes.append(f'"{column}" = CAST({text} AS {kind})')
    update = f'UPDATE "{table}" SET {", ".join(changes)} WHERE {" OR ".join(found)}'
    with engine.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            connection.execute(sqlalchemy.text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            changed = connection.execute(sqlalchemy.text(update), values).rowcount
    if changed:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f'VACUUM "{table}"'))
