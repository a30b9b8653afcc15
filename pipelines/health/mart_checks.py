"""Asset checks of the marts: the key identifies each row, and is never null."""

from collections.abc import Collection
from dataclasses import dataclass

import dagster as dg

from assets.framework.orchestration.asset_keys import AssetKeys
from assets.marts.mart_file import Mart, marts
from pipelines.health.asset_checks import asset_check
from pipelines.health.notices import sql
from pipelines.open_folder import open_for_reading
from pipelines.settings import Settings
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake

KEY_CHECK = "key_is_unique"


@dataclass(frozen=True, slots=True)
class KeyResult:
    """What the rows of a mart say of its key.

    Attributes:
        rows: Number of rows.
        repeated_keys: Keys of more than one row.
        rows_without_key: Rows of which a column of the key is null that cannot be.
        example: One of these keys; None if there is none.
    """

    rows: int
    repeated_keys: int
    rows_without_key: int
    example: str | None


def check_key(lake: Lake, mart: Mart) -> KeyResult:
    """Count the rows of a mart that its key does not identify."""
    columns = [f'"{column}"' for column in mart.key]
    required = [f'"{column}"' for column in mart.key if column not in mart.nullable_key]
    query = sql("mart_keys").format(
        mart=f'"{mart.name}"',
        key=", ".join(columns),
        is_null=f"({' or '.join(f'{column} is null' for column in required) or 'false'})",
        fields=", ".join(f"{column}: {column}" for column in columns),
    )
    with connect(lake) as connection:
        table = fetch_table(connection, query)
    (row,) = table.to_pylist()
    return KeyResult(**row)


def mart_checks(
    keys: AssetKeys, views: Collection[dg.AssetKey], settings: Settings
) -> list[dg.AssetChecksDefinition]:
    """Make the check of each mart that is an asset.

    Args:
        keys: The keys of the account's assets.
        views: Those of the views.
        settings: Where the data folder is.
    """
    chosen = [mart for mart in marts() if keys.named(mart.name) in views]
    return [_key_check(keys.named(mart.name), mart, settings) for mart in chosen]


def _key_check(key: dg.AssetKey, mart: Mart, settings: Settings) -> dg.AssetChecksDefinition:
    def _check() -> dg.AssetCheckResult:
        with open_for_reading(settings) as lake:
            result = check_key(lake, mart)
        return dg.AssetCheckResult(
            passed=not (result.repeated_keys or result.rows_without_key),
            severity=dg.AssetCheckSeverity.WARN,
            description=_describe(mart, result),
            metadata={
                "rows": result.rows,
                "repeated keys": result.repeated_keys,
                "rows without a key": result.rows_without_key,
            },
        )

    names = ", ".join(mart.key)
    spec = dg.AssetCheckSpec(
        KEY_CHECK,
        asset=key,
        description=f"Does each row have another key ({names})?",
    )
    return asset_check(spec, _check)


def _describe(mart: Mart, result: KeyResult) -> str:
    if not result.rows:
        return "Nothing to check: there are no rows yet."
    if result.example is None:
        return f"All {result.rows:,} rows have keys of their own."
    return (
        f"The key ({', '.join(mart.key)}) of {mart.name} is repeated {result.repeated_keys:,} times"
        f" and missing in {result.rows_without_key:,} rows, such as {result.example}:"
        f" please report it."
    )
