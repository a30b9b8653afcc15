"""Dagster assets of a dataset: one for its archived responses and one per table."""

from collections.abc import Mapping, Sequence

import dagster as dg

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.description import describe_schedule, describe_table
from assets.framework.contract.table import Table
from assets.framework.orchestration.asset_labels import OWNERS, domain_tags, freshness_policy
from warehouse.interface.view_spec import comment_of

_ARCHIVE_PREFIX = "archive"


def archive_key(dataset: Dataset) -> dg.AssetKey:
    """Return the key of the asset for a dataset's archived responses."""
    return dg.AssetKey([_ARCHIVE_PREFIX, dataset.name])


def table_key(table: Table) -> dg.AssetKey:
    """Return the key of the asset for a table."""
    return dg.AssetKey(table.name)


def dataset_keys(dataset: Dataset) -> list[dg.AssetKey]:
    """Return the keys of all assets of a dataset."""
    return [archive_key(dataset), *map(table_key, dataset.output_tables)]


def asset_specs(
    dataset: Dataset, deps: Sequence[dg.AssetKey], types: Mapping[str, Mapping[str, str]]
) -> list[dg.AssetSpec]:
    """Return the asset specifications of a dataset.

    Args:
        dataset: Any dataset.
        deps: Assets of the device lists.
        types: DuckDB's types of the columns of each table.
    """
    archive = dg.AssetSpec(
        archive_key(dataset),
        deps=list(deps),
        description=(
            f"Responses of the API for {dataset.name}, as received.\n\n"
            f"`{dataset.endpoint.method} {dataset.endpoint.path}`. {describe_schedule(dataset)}"
        ),
        group_name=dataset.group,
        kinds={"bronze", "parquet"},
        owners=OWNERS,
        tags=domain_tags(dataset),
        skippable=True,
    )
    tables = [
        dg.AssetSpec(
            table_key(table),
            deps=[archive.key],
            description=f"{table.description}\n\n{' '.join([*describe_table(dataset, table)][1:])}",
            group_name=dataset.group,
            kinds={"silver", "parquet", "duckdb"},
            owners=OWNERS,
            tags=domain_tags(dataset),
            freshness_policy=freshness_policy(dataset),
            metadata={"dagster/column_schema": _column_schema(table, types[table.name])},
            skippable=True,
        )
        for table in dataset.output_tables
    ]
    return [archive, *tables]


def _column_schema(table: Table, types: Mapping[str, str]) -> dg.TableSchema:
    """Describe the columns of a table as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=types[column.name],
                description=comment_of(column),
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.arrow_schema
        ],
    )
