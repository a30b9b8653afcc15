"""The state of accounts as Prometheus metrics, from what `givlake status` shows, without a request.

No label names a device or anything else that grows with an account: that would be personal data,
and thousands of series.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import prometheus_client
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.devices import of_kinds
from assets.framework.decoding.decoder import DatasetDecoder
from givenergy.errors import BudgetStoreError
from givenergy.version import API_VERSION, __version__
from pipelines.account_budget import budget_snapshot
from pipelines.account_zone import zone_of
from pipelines.health.account_status import folder_size
from pipelines.health.freshness import freshness
from pipelines.health.notices import notices
from pipelines.health.overview import overview
from pipelines.health.schedule_watch import last_update
from pipelines.known_devices import known_devices
from pipelines.open_folder import ACCOUNT_KEY
from pipelines.pending_builds import pending
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.settings import Settings
from warehouse.coverage import State
from warehouse.read_only import ReadOnlyLake
from warehouse.tables.newest_time import newest_time

# What each metric is, by its name after `givlake_`.
METRICS = {
    "info": "Versions; the value is always 1",
    "account_readable": "Whether the account's data folder could be read: 1, or 0",
    "budget_readable": "Whether the account's request budget could be read: 1, or 0",
    "last_update_timestamp_seconds": "When a scheduled run or givlake sync last worked",
    "newest_row_timestamp_seconds": "Time of the newest row of a dataset's main table",
    "oldest_fetch_timestamp_seconds": "When the oldest present state of a dataset was fetched",
    "devices": "Known devices by kind",
    "coverage": "Device-days by state, of a dataset that is requested by day",
    "unsettled_requests": "Requests for the present state that failed or were never made",
    "pending_responses": "Archived responses that are not in the tables yet",
    "quarantined_rows": "Rows that are in no table (whole), or in one without a value (value)",
    "requests_last_day": "Requests in the last 24 hours by result; others: of other programs",
    "windows_used_last_day": "Minutes of the last 24 hours in which givlake sent a request",
    "request_limit": "Requests that the API allows in a window",
    "request_window_seconds": "Length of that window",
    "request_window_used": "Requests in the present window, by who made them",
    "requests_waiting": "Requests that wait for the budget",
    "requests_paused_seconds": "Remaining pause of requests after the API's limit was reached",
    "api_silent_seconds": "For how long the API has not responded; 0 if it does",
    "disk_used_bytes": "Size of the data folder",
    "disk_free_bytes": "Free space where the data folder is",
}


class Metrics:
    """Gauges of any number of accounts, and their text in Prometheus' format."""

    def __init__(self) -> None:
        self._gauges: dict[str, GaugeMetricFamily] = {}
        versions = {name: version(name) for name in ("dagster", "duckdb")}
        self.set("info", 1, version=__version__, api_version=API_VERSION, **versions)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge; one of a name has always the same labels."""
        if name not in self._gauges:
            self._gauges[name] = GaugeMetricFamily(
                f"givlake_{name}", METRICS[name], labels=[*labels]
            )
        self._gauges[name].add_metric([*labels.values()], value)

    def set_time(self, name: str, moment: datetime | None, **labels: str) -> None:
        """Set a gauge to a moment, if there is one."""
        if moment is not None:
            self.set(name, moment.timestamp(), **labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges, as a collector of prometheus_client does."""
        yield from self._gauges.values()

    def text(self) -> bytes:
        """Return them in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return prometheus_client.generate_latest(registry)


def add_account(
    metrics: Metrics, lake: ReadOnlyLake, settings: Settings, account: str
) -> BudgetStoreError | None:
    """Add the metrics of one account; those of its request budget only if that can be read.

    Args:
        metrics: Where to.
        lake: The account's data folder.
        settings: The account's settings.
        account: The value of the label `account`.

    Returns:
        Why the request budget cannot be read; None if it was read, or there is none yet.
    """
    chosen = selected(settings)
    _add_datasets(metrics, lake, settings, account)
    not_built = sum(counts.total() for counts in pending(lake).values())
    metrics.set("pending_responses", not_built, account=account)
    for name, notice in notices(lake, chosen, settings).items():
        for part, rows in (("whole", notice.quarantined.rows), ("value", notice.nulled.rows)):
            if rows:
                metrics.set("quarantined_rows", rows, account=account, dataset=name, part=part)
    for kind, devices in known_devices(lake).items():
        metrics.set("devices", len(devices), account=account, kind=str(kind))
    metrics.set_time("last_update_timestamp_seconds", last_update(lake), account=account)
    unread = None
    try:
        _add_budget(metrics, settings, lake.state.get(ACCOUNT_KEY), account)
    except BudgetStoreError as error:
        unread = error
    metrics.set("budget_readable", unread is None, account=account)
    metrics.set("disk_used_bytes", folder_size(lake.folder), account=account)
    # The folder of a new account is made by its first fetch.
    existing = next(each for each in (lake.folder, *lake.folder.parents) if each.exists())
    metrics.set("disk_free_bytes", shutil.disk_usage(existing).free, account=account)
    return unread


def _add_datasets(metrics: Metrics, lake: ReadOnlyLake, settings: Settings, account: str) -> None:
    """Add the states of days and requests, and how old the data are."""
    chosen = selected(settings)
    devices = known_devices(lake)
    zone = zone_of(settings, lake.state.all())
    for each in daily(chosen):
        of_dataset = of_kinds(devices, each.device_kinds)
        days = overview(lake, each, of_dataset, settings.range_days, zone).days_by_state
        # Those without a day too: a series that vanishes says nothing.
        for state in State:
            labels = {"account": account, "dataset": each.name, "state": str(state)}
            metrics.set("coverage", days[state], **labels)
    for fresh in freshness(lake, selected_snapshots(chosen), settings):
        labels = {"account": account, "dataset": fresh.dataset}
        metrics.set("unsettled_requests", len(fresh.problems), **labels)
        metrics.set_time("oldest_fetch_timestamp_seconds", fresh.oldest_at, **labels)
    for dataset in chosen:
        newest = _newest_row(lake, dataset)
        labels = {"account": account, "dataset": dataset.name}
        metrics.set_time("newest_row_timestamp_seconds", newest, **labels)


def _newest_row(lake: ReadOnlyLake, dataset: Dataset) -> datetime | None:
    specs = {spec.name: spec for spec in DatasetDecoder(dataset).tables}
    return newest_time(lake, dataset.name, specs[dataset.main.name])


def _add_budget(metrics: Metrics, settings: Settings, key: object, account: str) -> None:
    """Add the requests of the last day, and the state of the present window."""
    if key is None or (budget := budget_snapshot(settings, str(key))) is None:
        return
    begin = datetime.now(UTC) - timedelta(days=1)
    minutes = [minute for minute in budget.history if minute.start > begin]
    failed = sum(minute.failed for minute in minutes)
    limited = sum(minute.rate_limited for minute in minutes)
    results = {
        # What failed without a response may not have been sent.
        "answered": max(0, sum(minute.sent for minute in minutes) - failed - limited),
        "failed": failed,
        "rate_limited": limited,
        "others": sum(minute.others for minute in minutes),
    }
    for result, number in results.items():
        metrics.set("requests_last_day", number, account=account, result=result)
    used = sum(minute.sent > 0 for minute in minutes)
    metrics.set("windows_used_last_day", used, account=account)
    metrics.set("request_limit", budget.limit, account=account)
    metrics.set("request_window_seconds", budget.window_s, account=account)
    metrics.set("request_window_used", budget.used_by_us, account=account, by="givlake")
    metrics.set("request_window_used", budget.used_by_others, account=account, by="others")
    metrics.set("requests_waiting", sum(budget.waiting.values()), account=account)
    metrics.set("requests_paused_seconds", budget.paused_for_s, account=account)
    metrics.set("api_silent_seconds", budget.host_down_for_s or 0, account=account)
