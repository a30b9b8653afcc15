"""What `givlake status` shows of an account, in one row, without a request."""

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from assets.framework.contract.devices import of_kinds
from givenergy.errors import BudgetStoreError
from pipelines.account_budget import budget_snapshot
from pipelines.account_zone import zone_of
from pipelines.health.freshness import freshness
from pipelines.health.overview import overview
from pipelines.health.schedule_watch import last_update
from pipelines.known_devices import known_devices
from pipelines.open_folder import ACCOUNT_KEY, open_for_reading
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.settings import Settings
from warehouse.coverage import SETTLED, UNSUCCESSFUL, State


@dataclass(slots=True)
class AccountSummary:
    """An account.

    Attributes:
        is_empty: Whether it has no data yet.
        updated_at: When a schedule or `givlake sync` last worked, UTC.
        days_by_state: Device-days of all its datasets.
        unsettled_requests: Requests for the present state that failed or were never made.
        used_requests: Requests in the present window of the API, by whoever sent them; None if
            nothing was requested yet, or the budget cannot be read.
        request_limit: How many the API allows in it.
        size_bytes: What the data folder takes of the disk.
        problems: What a build would repair.
        budget_problem: Why the request budget cannot be read.
    """

    is_empty: bool = False
    updated_at: datetime | None = None
    days_by_state: Counter[State] = field(default_factory=Counter)
    unsettled_requests: int = 0
    used_requests: int | None = None
    request_limit: int | None = None
    size_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    budget_problem: str | None = None

    @property
    def missing_days(self) -> int:
        """Device-days that were not requested, or are not in the tables yet."""
        missing = {*State} - SETTLED - UNSUCCESSFUL
        return sum(self.days_by_state[state] for state in missing)

    @property
    def failed_days(self) -> int:
        """Device-days that were requested without success."""
        return sum(self.days_by_state[state] for state in UNSUCCESSFUL)


def account_summary(settings: Settings) -> AccountSummary:
    """Return the summary of an account.

    Args:
        settings: The account's settings.

    Raises:
        SettingsError: The folder, or another setting, is not valid.
        UnknownDatasetError: The settings name a dataset that does not exist.
        WarehouseError: The folder cannot be used.
    """
    chosen = selected(settings)
    with open_for_reading(settings) as lake:
        summary = AccountSummary(
            is_empty=lake.is_empty,
            updated_at=last_update(lake),
            size_bytes=folder_size(lake.folder),
            problems=lake.problems,
        )
        devices, zone = known_devices(lake), zone_of(settings, lake.state.all())
        for each in daily(chosen):
            of_dataset = of_kinds(devices, each.device_kinds)
            days = overview(lake, each, of_dataset, settings.range_days, zone).days_by_state
            summary.days_by_state.update(days)
        snapshots = [] if lake.is_empty else freshness(lake, selected_snapshots(chosen), settings)
        summary.unsettled_requests = sum(len(each.problems) for each in snapshots)
        account = lake.state.get(ACCOUNT_KEY)
    try:
        budget = None if account is None else budget_snapshot(settings, str(account))
    except BudgetStoreError as error:
        summary.budget_problem = str(error)
    else:
        if budget is not None:
            summary.used_requests = budget.used_by_us + budget.used_by_others
            summary.request_limit = budget.limit
    return summary


def folder_size(folder: Path) -> int:
    """Return the bytes of a folder's files on the disk, without files that vanish meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(place, name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total
