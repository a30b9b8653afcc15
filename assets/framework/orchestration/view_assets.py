"""Dagster assets of the gold layer: the views of the catalogue that combine or judge tables."""

from collections.abc import Mapping, Sequence

import dagster as dg

from assets.framework.orchestration.asset_keys import AssetKeys
from assets.framework.orchestration.asset_labels import OWNERS
from warehouse.interface.view_spec import ViewSpec, comment_of


def view_asset_spec(
    keys: AssetKeys,
    view: ViewSpec,
    group: str,
    deps: Sequence[dg.AssetKey],
    types: Mapping[str, str],
) -> dg.AssetSpec:
    """Return the asset specification of a view, which Dagster shows and never materializes.

    Args:
        keys: The keys of the account's assets.
        view: The view.
        group: The asset group.
        deps: The assets of the tables and views that it reads.
        types: Its columns, in order, and their types.
    """
    columns = [
        dg.TableColumn(name, type=type_name, description=comment_of(view.schema.field(name)))
        for name, type_name in types.items()
    ]
    return dg.AssetSpec(
        keys.named(view.name),
        deps=deps,
        description=f"{view.description}\n\nA view: it is computed whenever it is read.",
        group_name=group,
        kinds={"gold", "view", "duckdb"},
        owners=OWNERS,
        tags={"domain": group} | keys.tags(),
        metadata={"dagster/column_schema": dg.TableSchema(columns)},
    )
