"""Asset checks of the data: figures that should agree, and values that the contract lacks.

They warn and block nothing. The comparisons are declared in `assets.reconciliation`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.framework.contract.dataset import Dataset
from assets.framework.orchestration.asset_keys import AssetKeys
from assets.reconciliation import RECONCILIATIONS, Reconciliation
from pipelines.health.asset_checks import asset_check
from pipelines.health.findings import refresh_findings
from pipelines.health.notices import sql
from pipelines.open_folder import open_lake
from pipelines.recommended_commands import with_account
from pipelines.settings import Settings
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake

_ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """The result of a comparison.

    Attributes:
        rows: How many were compared, such as device-days.
        compared: How many points, half hours or sessions they are computed from.
        outside: How many rows deviate by more than the tolerance.
        largest: The row with the largest deviation, None if there is none.
        worst: The rows with the largest deviations beyond the tolerance.
    """

    rows: int
    compared: int
    outside: int
    largest: dict[str, Any] | None
    worst: Sequence[dict[str, Any]]


def reconcile(lake: Lake, reconciliation: Reconciliation) -> ReconciliationResult:
    """Run a comparison over the tables."""
    query = sql("reconciled").format(view=reconciliation.name, deviation=reconciliation.deviation)
    with connect(lake) as connection:
        table = fetch_table(connection, query)
    (row,) = table.to_pylist()
    return ReconciliationResult(**{**row, "worst": row["worst"] or []})


def reconciliation_checks(
    keys: AssetKeys, datasets: Collection[Dataset], settings: Settings
) -> list[dg.AssetChecksDefinition]:
    """Make the comparisons for which the datasets have all tables."""
    known = {
        table.name: keys.table(table) for dataset in datasets for table in dataset.output_tables
    }
    return [
        _reconciliation_check(each, [known[table] for table in each.tables], settings)
        for each in RECONCILIATIONS
        if known.keys() >= set(each.tables)
    ]


def _reconciliation_check(
    reconciliation: Reconciliation, keys: Sequence[dg.AssetKey], settings: Settings
) -> dg.AssetChecksDefinition:
    def _check() -> dg.AssetCheckResult:
        with open_lake(settings) as lake:
            result = reconcile(lake, reconciliation)
            # For `status`, where schedules fetch and no command does.
            refresh_findings(lake)
        metadata: dict[str, Any] = {
            "rows compared": result.rows,
            "values compared": result.compared,
            "rows outside tolerance": result.outside,
        }
        if result.largest is not None:
            metadata[f"largest deviation ({reconciliation.unit})"] = result.largest["deviation"]
            metadata["largest deviation at"] = _where(result.largest)
        if result.worst:
            metadata["rows outside tolerance, largest deviation first"] = _table(result.worst)
        return dg.AssetCheckResult(
            passed=not result.outside,
            severity=dg.AssetCheckSeverity.WARN,
            description=_describe(reconciliation, result),
            metadata=metadata,
        )

    spec = dg.AssetCheckSpec(
        reconciliation.name,
        asset=keys[0],
        additional_deps=keys[1:],
        description=reconciliation.description,
    )
    return asset_check(spec, _check)


def _describe(reconciliation: Reconciliation, result: ReconciliationResult) -> str:
    if result.largest is None:
        return "No data to compare yet."
    if not result.outside:
        return f"All {result.rows:,} rows agree."
    worst = result.worst[0]
    return (
        f"{result.outside:,} of {result.rows:,} rows deviate by more than the tolerance, at most"
        f" by {worst['deviation']:.4g} {reconciliation.unit} ({_where(worst)}). Details:"
        f' {with_account("givlake query")} "FROM {reconciliation.name} WHERE NOT is_within"'
    )


def _where(row: dict[str, Any]) -> str:
    return f"{row['device_id']} {row['day']} {row['item']}"


def drift_check(keys: AssetKeys, dataset: Dataset, settings: Settings) -> dg.AssetChecksDefinition:
    """Make the check that warns about undocumented codes, fields and types in responses."""

    def _check() -> dg.AssetCheckResult:
        with open_lake(settings) as lake, connect(lake) as connection:
            rows = fetch_table(connection, sql("drift"), {"dataset": dataset.name}).to_pylist()
        metadata: dict[str, Any] = {"findings": len(rows)}
        if rows:
            metadata["undocumented values"] = _table(rows[:_ROWS_SHOWN])
        return dg.AssetCheckResult(
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                f"Undocumented values in responses: {len(rows)}. They are kept."
                if rows
                else "All values in responses are documented."
            ),
            metadata=metadata,
        )

    spec = dg.AssetCheckSpec(
        f"{dataset.name}_drift",
        asset=keys.table(dataset.main),
        description="Do responses contain codes, fields or types that the API does not document?",
    )
    return asset_check(spec, _check)


def data_check_schedule(job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Schedule the data checks for every morning, after the daily schedules."""
    return dg.ScheduleDefinition(
        name="check_data_daily",
        job_name=job_name,
        cron_schedule="40 6 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compares figures that should agree, and finds undocumented values.",
    )


def _table(rows: Sequence[dict[str, Any]]) -> dg.MetadataValue[Any]:
    """Return rows as a table in which no value is interpreted as Markdown or HTML."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    name: value if isinstance(value, int | float) else str(value)
                    for name, value in row.items()
                }
            )
            for row in rows
        ],
        schema=dg.TableSchema([dg.TableColumn(name) for name in rows[0]]),
    )
