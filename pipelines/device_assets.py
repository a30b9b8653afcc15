"""The Dagster asset of the device list, from which every other dataset knows whom to ask about."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.communication_devices import DATASET
from assets.framework.daily_asset import archive_key, table_key
from assets.framework.metadata import column_schema


@dg.multi_asset(
    name=DATASET.name,
    specs=[
        dg.AssetSpec(
            archive_key(DATASET),
            description=f"Responses of the API, as they came, for {DATASET.name}.",
            group_name=DATASET.group,
            kinds={"parquet"},
        ),
        dg.AssetSpec(
            table_key(DATASET),
            deps=[archive_key(DATASET)],
            description=DATASET.description,
            group_name=DATASET.group,
            kinds={"parquet", "duckdb"},
            metadata={"dagster/column_schema": column_schema(DATASET)},
        ),
    ],
    required_resource_keys={"rate_limit", "givenergy"},
)
def communication_devices(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.MaterializeResult[None]]:
    """Ask which devices there are; new ones are named in the log and in the metadata."""
    with context.resources.givenergy.session(discover_anew=True) as (_, discovery):
        new = [device.device_id for device in discovery.new]
        for device_id in new:
            context.log.warning(
                f"{device_id} is new in this account: fetch its history with"
                f" `givlake backfill --device {device_id}`."
            )
        metadata: dict[str, Any] = {"devices": len(discovery.devices), "new devices": new}
    yield dg.MaterializeResult(asset_key=archive_key(DATASET), metadata=metadata)
    yield dg.MaterializeResult(asset_key=table_key(DATASET), metadata=metadata)
