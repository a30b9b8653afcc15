"""Ingest data points without Dagster: device list, plan, fetch, archive, decode, tables.

python -m benchmarks.ingest.without_dagster FIRST LAST
"""

from __future__ import annotations

import sys
from datetime import date

from assets.framework.contract.devices import of_kinds
from assets.framework.ingestion.daily import DailyPlan
from assets.framework.ingestion.ingest import ingest
from assets.inverter_data_points import DATASET
from pipelines.discovery import discover
from pipelines.selection import lists_for
from pipelines.session_factory import open_session
from pipelines.settings import load_settings


def main(first: str, last: str) -> None:
    """Ingest into the data folder that the environment names."""
    with open_session(load_settings()) as session:
        devices = of_kinds(discover(session, lists_for([DATASET])).devices, DATASET.device_kinds)
        span = date.fromisoformat(first), date.fromisoformat(last)
        report = ingest(session, DATASET, DailyPlan(session, DATASET, devices, *span))
    if report.failures:
        raise SystemExit(str(report.failures[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
