"""Dagster assets of a dataset: one for its archived responses and one per table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.description import describe_schedule, describe_table
from assets.framework.contract.table import Table
from assets.framework.orchestration.asset_labels import OWNERS, domain_tags, freshness_policy
from warehouse.interface.view_spec import comment_of

_ARCHIVE_PREFIX = "archive"
_ACCOUNT_TAG = "account"


@dataclass(frozen=True, slots=True)
class AssetKeys:
    """The keys of an account's assets: they begin with its name, so that accounts do not mix.

    Attributes:
        account_name: The name of the account; None adds nothing.
    """

    account_name: str | None = None

    def named(self, *parts: str) -> dg.AssetKey:
        """Return the key of a table or view by its name."""
        return dg.AssetKey([self.account_name, *parts] if self.account_name else parts)

    def archive(self, dataset: Dataset) -> dg.AssetKey:
        """Return the key of the asset for a dataset's archived responses."""
        return self.named(_ARCHIVE_PREFIX, dataset.name)

    def table(self, table: Table) -> dg.AssetKey:
        """Return the key of the asset for a table."""
        return self.named(table.name)

    def of_dataset(self, dataset: Dataset) -> list[dg.AssetKey]:
        """Return the keys of all assets of a dataset."""
        return [self.archive(dataset), *map(self.table, dataset.output_tables)]

    def tags(self) -> dict[str, str]:
        """Return the tag by which Dagster's pages find the assets and jobs of the account."""
        return {_ACCOUNT_TAG: self.account_name} if self.account_name else {}


def asset_specs(
    keys: AssetKeys,
    dataset: Dataset,
    deps: Sequence[dg.AssetKey],
    types: Mapping[str, Mapping[str, str]],
) -> list[dg.AssetSpec]:
    """Return the asset specifications of a dataset.

    Args:
        keys: The keys of the account's assets.
        dataset: Any dataset.
        deps: Assets of the device lists.
        types: DuckDB's types of the columns of each table.
    """
    archive = dg.AssetSpec(
        keys.archive(dataset),
        deps=list(deps),
        description=(
            f"Responses of the API for {dataset.name}, as received.\n\n"
            f"`{dataset.endpoint.method} {dataset.endpoint.path}`. {describe_schedule(dataset)}"
        ),
        group_name=dataset.group,
        kinds={"bronze", "parquet"},
        owners=OWNERS,
        tags=domain_tags(dataset) | keys.tags(),
        skippable=True,
    )
    tables = [
        dg.AssetSpec(
            keys.table(table),
            deps=[archive.key],
            description=f"{table.description}\n\n{' '.join([*describe_table(dataset, table)][1:])}",
            group_name=dataset.group,
            kinds={"silver", "parquet", "duckdb"},
            owners=OWNERS,
            tags=domain_tags(dataset) | keys.tags(),
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
