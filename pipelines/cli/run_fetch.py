"""Running `backfill` and `sync`: snapshot datasets first, then days, then the result."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn

from assets.framework.contract.dataset import Dataset, SnapshotDataset
from assets.framework.contract.devices import DeviceKind
from assets.framework.ingestion.availability import unavailable
from pipelines.backfill_plan import BackfillTask, plan_missing
from pipelines.cli.common import ALL_THERE, SOMETHING_MISSING, console, printable
from pipelines.discovery import Discovery, expect, known_devices
from pipelines.health.freshness import freshness
from pipelines.health.schedule_watch import note_kept_current
from pipelines.pending_builds import build_all_pending, name_built_days, take_built_days
from pipelines.selection import daily, lists_for, selected_snapshots
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import SETTLED, Lake, State

if TYPE_CHECKING:
    from pipelines.cli.runs import Runs

_OUT = console()
# Makes the tasks of a command, given the time zone and the devices.
MakeTasks = Callable[[Lake, str, Discovery], list[BackfillTask]]


@dataclass(frozen=True, slots=True)
class Fetching:
    """One `backfill` or `sync`: snapshot datasets first, then days, then the result.

    Attributes:
        settings: where the data folder is, and what runs.
        chosen: the datasets of the command.
        discovery: the devices.
        make_tasks: makes the tasks again when the devices have changed.
        refetch: whether to fetch complete days again.
        refresh: whether to fetch days again that were not over when they were fetched.
    """

    settings: Settings
    chosen: Sequence[Dataset]
    discovery: Discovery
    make_tasks: MakeTasks
    refetch: bool = False
    refresh: bool = False

    def run(
        self,
        tasks: Sequence[BackfillTask],
        snapshots: Sequence[SnapshotDataset],
        device_ids: Sequence[str] = (),
    ) -> NoReturn:
        """Fetch what is missing, print the result, and end with the exit status.

        Args:
            tasks: the days, planned.
            snapshots: the snapshot datasets that are due.
            device_ids: devices to limit snapshots to; none means all.
        """
        failed = False
        with open_lake(self.settings) as lake:
            built = take_built_days(lake, tasks)
        name_built_days(tasks, built)
        is_needed = bool(snapshots) or any(task.to_fetch for task in tasks)
        if is_needed:
            # Dagster takes a second to load, and is not needed when nothing is missing.
            from pipelines.cli.runs import Runs

            with Runs(self.settings, [*daily(self.chosen), *snapshots]) as runs:
                runs.show(self.discovery.reports)
                if snapshots:
                    runs.refresh(snapshots, device_ids, refetch=self.refetch)
                    tasks = self._planned_anew(tasks)
                    name_built_days(tasks, built)
                runs.fetch_days(tasks, refetch=self.refetch, refresh=self.refresh)
                self._fetch_older_days(runs, tasks)
                failed = runs.say()
        else:
            _OUT.print("Nothing to fetch.")
        if self.refresh:
            with open_lake(self.settings) as lake:
                note_kept_current(lake)
        else:
            self._print_skipped()
        status = self._print_result(tasks, has_run=is_needed)
        raise SystemExit(SOMETHING_MISSING if failed else status)

    def _print_skipped(self) -> None:
        """Print what the account or the token lacks: it is no failure, but it is not fetched."""
        names = {
            dataset.name for dataset in (*lists_for(self.chosen), *selected_snapshots(self.chosen))
        }
        with open_lake(self.settings) as lake:
            for name, reasons in unavailable(lake).items():
                for reason in dict.fromkeys(reasons.values()) if name in names else ():
                    _OUT.print(printable(f"{name} skipped: {reason}"))

    def _planned_anew(self, tasks: Sequence[BackfillTask]) -> Sequence[BackfillTask]:
        """Plan again if the devices have changed: sessions tell since when a charger has data."""
        with open_lake(self.settings) as lake:
            fresh, zone = self._fresh_tasks(lake)
            if fresh == tasks:
                return tasks
            plan_missing(lake, fresh, zone, refetch=self.refetch, refresh=self.refresh)
            return fresh

    def _fetch_older_days(self, runs: "Runs", tasks: Sequence[BackfillTask]) -> None:
        """Fetch days of chargers that are expected since the last fetch, until there are none.

        How far back a charger has data shows only when its data end.
        """
        tried: list[Counter[date]] = []
        while not runs.ended:
            tasks = self._older_than(tasks)
            days = [Counter(task.to_fetch) for task in tasks]
            # What could not be requested, such as days of a device that is refused, stays.
            if not tasks or days == tried:
                return
            tried = days
            runs.fetch_days(tasks, refetch=False, refresh=False)

    def _older_than(self, tasks: Sequence[BackfillTask]) -> list[BackfillTask]:
        """Plan the days that were not expected when tasks were planned."""
        fetched = {
            task.dataset.name
            for task in tasks
            if task.to_fetch and DeviceKind.EV_CHARGER in task.dataset.device_kinds
        }
        if not fetched:
            return []
        with open_lake(self.settings) as lake:
            fresh, zone = self._fresh_tasks(lake)
            fresh = [task for task in fresh if task.dataset.name in fetched]
            plan_missing(lake, fresh, zone, only=State.NOT_REQUESTED)
        return [task for task in fresh if task.to_fetch]

    def _fresh_tasks(self, lake: Lake) -> tuple[list[BackfillTask], str]:
        """Make the tasks with the devices as they are known by now, and return the time zone."""
        devices = known_devices(lake, lists_for(self.chosen))
        zone = stored_zone(self.settings)
        expect(lake, zone)
        return self.make_tasks(lake, zone, Discovery(devices, (), datetime.now(UTC))), zone

    def _print_result(self, tasks: Sequence[BackfillTask], *, has_run: bool) -> int:
        """Print the states of what was requested, and return the exit status."""
        days: dict[str, Counter[State]] = {}
        with open_lake(self.settings) as lake:
            # Days that another process has fetched are judged when it has built them.
            built, _ = build_all_pending(lake, wait_for={dataset.name for dataset in self.chosen})
            if has_run or built or any(task.days_by_state[State.NOT_BUILT] for task in tasks):
                tasks, zone = self._fresh_tasks(lake)
                plan_missing(lake, tasks, zone)
            for task in tasks:
                days.setdefault(task.dataset.name, Counter()).update(task.days_by_state)
            snapshots = freshness(lake, selected_snapshots(self.chosen), self.settings)
        for name, by_state in days.items():
            states = ", ".join(f"{number:,} {state}" for state, number in sorted(by_state.items()))
            _OUT.print(f"{name}: {states or 'no'} device-days")
        for snapshot in snapshots:
            for sentence in snapshot.problems:
                _OUT.print(printable(sentence))
        if all(set(states) <= SETTLED for states in days.values()) and all(
            snapshot.settled for snapshot in snapshots
        ):
            return ALL_THERE
        _OUT.print("Incomplete; run `givlake status` for details.")
        return SOMETHING_MISSING
