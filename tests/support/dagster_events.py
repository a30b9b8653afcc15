"""Events as Dagster stores them."""

import dagster as dg
from dagster._core.events import DagsterEvent, StepMaterializationData


def materialized_in(run_id: str, partition: str, asset: str = "reading") -> dg.EventLogEntry:
    """Return the event that a run has materialized a partition of an asset."""
    materialization = dg.AssetMaterialization(asset, partition=partition)
    return dg.EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=1.0,
        job_name="job",
        dagster_event=DagsterEvent(
            dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            "job",
            event_specific_data=StepMaterializationData(materialization),
        ),
    )
