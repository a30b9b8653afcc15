"""Asset checks of what the data say: figures that should agree, and what the contract lacks.

They warn and stop nothing. What is compared stands in `assets.reconciliation`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.framework.contract.dataset import Dataset
from assets.framework.orchestration.asset_keys import table_key
from assets.reconciliation import RECONCILIATIONS, Reconciliation
from pipelines.health.notices import sql
from pipelines.session_factory import open_lake
from pipelines.settings import load_settings
from warehouse import Lake, connect, retrying

_ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a comparison came to.

    Attributes:
        rows: how many were compared, such as device-days.
        compared: how many points, half hours or sessions these rest on.
        outside: rows that deviate by more than can be explained.
        largest: the row with the largest deviation, None if there is none.
        worst: those outside, the farthest first, a few of them.
    """

    rows: int
    compared: int
    outside: int
    largest: dict[str, Any] | None
    worst: Sequence[dict[str, Any]]


def reconcile(lake: Lake, reconciliation: Reconciliation) -> Reconciled:
    """Compare what a reconciliation compares."""
    query = sql("reconciled").format(view=reconciliation.name, deviation=reconciliation.deviation)
    with connect(lake) as connection:
        table = retrying(lambda: connection.sql(query).to_arrow_table())
    (row,) = table.to_pylist()
    return Reconciled(**{**row, "worst": row["worst"] or []})


def reconciliation_checks(datasets: Collection[Dataset]) -> list[dg.AssetChecksDefinition]:
    """Make the checks of which all tables are among those of some datasets."""
    keys = {table.name: table_key(table) for dataset in datasets for table in dataset.output_tables}
    return [
        _reconciliation_check(each, [keys[table] for table in each.tables])
        for each in RECONCILIATIONS
        if keys.keys() >= set(each.tables)
    ]


def _reconciliation_check(
    reconciliation: Reconciliation, keys: Sequence[dg.AssetKey]
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=keys[0],
        name=reconciliation.name,
        additional_deps=keys[1:],
        description=reconciliation.description,
    )
    def _check() -> dg.AssetCheckResult:
        with open_lake(load_settings()) as lake:
            found = reconcile(lake, reconciliation)
        metadata: dict[str, Any] = {
            "rows compared": found.rows,
            "values behind them": found.compared,
            "rows outside": found.outside,
        }
        if found.largest is not None:
            metadata[f"largest deviation ({reconciliation.unit})"] = found.largest["deviation"]
            metadata["largest deviation at"] = _where(found.largest)
        if found.worst:
            metadata["outside, farthest first"] = _table(found.worst)
        return dg.AssetCheckResult(
            passed=not found.outside,
            severity=dg.AssetCheckSeverity.WARN,
            description=_sentence(reconciliation, found),
            metadata=metadata,
        )

    return _check


def _sentence(reconciliation: Reconciliation, found: Reconciled) -> str:
    if found.largest is None:
        return "There is nothing to compare yet."
    if not found.outside:
        return f"All {found.rows:,} rows agree."
    worst = found.worst[0]
    return (
        f"{found.outside:,} of {found.rows:,} rows deviate by more than can be explained, the"
        f" farthest by {worst['deviation']:.4g} {reconciliation.unit} ({_where(worst)}); see them"
        f' with: givlake query "FROM {reconciliation.name} WHERE NOT is_within"'
    )


def _where(row: dict[str, Any]) -> str:
    return f"{row['device_id']} {row['day']} {row['item']}"


def drift_check(dataset: Dataset) -> dg.AssetChecksDefinition:
    """Warn of codes, fields and types in a dataset's answers that the contract does not know."""

    @dg.asset_check(
        asset=table_key(dataset.main),
        name=f"{dataset.name}_drift",
        description="Do answers hold codes, fields or types that the API's document lacks?",
    )
    def _check() -> dg.AssetCheckResult:
        with open_lake(load_settings()) as lake, connect(lake) as connection:
            rows = retrying(
                lambda: connection.sql(
                    sql("drift"), params={"dataset": dataset.name}
                ).to_arrow_table()
            ).to_pylist()
        metadata: dict[str, Any] = {"findings": len(rows)}
        if rows:
            metadata["what is not known"] = _table(rows[:_ROWS_SHOWN])
        return dg.AssetCheckResult(
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN,
            description=(
                f"{len(rows)} things in the answers are not in the API's document; they are kept."
                if rows
                else "The answers hold nothing that the API's document lacks."
            ),
            metadata=metadata,
        )

    return _check


def data_check_schedule(job_name: str, zone: str) -> dg.ScheduleDefinition:
    """Compare every morning, after the daily schedules."""
    return dg.ScheduleDefinition(
        name="check_data_daily",
        job_name=job_name,
        cron_schedule="40 6 * * *",
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Compares figures that should agree, and looks for what is not documented.",
    )


def _table(rows: Sequence[dict[str, Any]]) -> dg.MetadataValue[Any]:
    """Show rows as data, in which nothing is taken as Markdown or HTML."""
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
