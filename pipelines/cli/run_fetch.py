"""Run `backfill` and `sync`: snapshot datasets first, then days, then the result."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn

from assets.framework.contract.dataset import Dataset, SnapshotDataset
from assets.framework.contract.devices import DeviceKind
from assets.framework.ingestion.availability import unavailable
from pipelines.backfill_plan import BackfillTask, plan_missing
from pipelines.cli.common import EXIT_COMPLETE, EXIT_INCOMPLETE, console, printable
from pipelines.cli.finding_lines import print_new_findings
from pipelines.discovery import Discovery, expect
from pipelines.health.freshness import freshness
from pipelines.health.schedule_watch import record_update
from pipelines.pending_builds import build_all_pending, include_built_days, pop_built_days
from pipelines.selection import daily, lists_for, selected_snapshots
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import SETTLED, Lake, State

if TYPE_CHECKING:
    from pipelines.cli.runs import Runs

_OUT = console()
# Returns the tasks of a command for a time zone and devices.
MakeTasks = Callable[[Lake, str, Discovery], list[BackfillTask]]


@dataclass(frozen=True, slots=True)
class FetchCommand:
    """One `backfill` or `sync`: snapshot datasets first, then days, then the result.

    Attributes:
        settings: The settings of the process.
        chosen: The datasets of the command.
        discovery: The devices.
        make_tasks: Returns the tasks, also after the devices have changed.
        refetch: Whether to fetch complete days again.
        refresh: Whether to fetch days again that were not over when they were fetched.
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
            tasks: The days, planned.
            snapshots: The snapshot datasets that are due.
            device_ids: Devices to limit snapshots to; none means all.
        """
        with open_lake(self.settings) as lake:
            raise SystemExit(self._run(lake, tasks, snapshots, device_ids))

    def _run(
        self,
        lake: Lake,
        tasks: Sequence[BackfillTask],
        snapshots: Sequence[SnapshotDataset],
        device_ids: Sequence[str],
    ) -> int:
        failed = False
        built = pop_built_days(lake, tasks)
        include_built_days(tasks, built)
        is_needed = bool(snapshots) or any(task.to_fetch for task in tasks)
        if is_needed:
            # Imported here because Dagster takes a second to load.
            from pipelines.cli.runs import Runs

            with Runs(self.settings, [*daily(self.chosen), *snapshots]) as runs:
                runs.show(lake, self.discovery.reports)
                if snapshots:
                    runs.refresh(snapshots, device_ids, refetch=self.refetch)
                    tasks = self._plan_again(lake, tasks)
                    include_built_days(tasks, built)
                runs.fetch_days(tasks, refetch=self.refetch, refresh=self.refresh)
                self._fetch_older_days(lake, runs, tasks)
                failed = runs.print_summary()
        else:
            _OUT.print("Nothing to fetch.")
        if self.refresh:
            record_update(lake)
        else:
            self._print_skipped(lake)
        print_new_findings(lake, self.discovery.at)
        status = self._print_result(lake, tasks, has_run=is_needed)
        return EXIT_INCOMPLETE if failed else status

    def _print_skipped(self, lake: Lake) -> None:
        """Print the datasets that the account or the token cannot read; this is no failure."""
        names = {
            dataset.name for dataset in (*lists_for(self.chosen), *selected_snapshots(self.chosen))
        }
        for name, reasons in unavailable(lake).items():
            for reason in dict.fromkeys(reasons.values()) if name in names else ():
                _OUT.print(printable(f"{name} skipped: {reason}"))

    def _plan_again(self, lake: Lake, tasks: Sequence[BackfillTask]) -> Sequence[BackfillTask]:
        """Plan again if devices have changed: sessions show since when a charger has data."""
        fresh, zone = self._fresh_tasks(lake)
        if fresh == tasks:
            return tasks
        plan_missing(lake, fresh, zone, refetch=self.refetch, refresh=self.refresh)
        return fresh

    def _fetch_older_days(self, lake: Lake, runs: "Runs", tasks: Sequence[BackfillTask]) -> None:
        """Fetch older days of chargers as they become expected, until there are none.

        How far back a charger has data is known only when its data end.
        """
        tried: list[Counter[date]] = []
        while not runs.ended:
            tasks = self._older_than(lake, tasks)
            days = [Counter(task.to_fetch) for task in tasks]
            # Days that cannot be requested, such as those of a forbidden device, stay missing.
            if not tasks or days == tried:
                return
            tried = days
            runs.fetch_days(tasks, refetch=False, refresh=False)

    def _older_than(self, lake: Lake, tasks: Sequence[BackfillTask]) -> list[BackfillTask]:
        """Plan the days that were not expected when tasks were planned."""
        fetched = {
            task.dataset.name
            for task in tasks
            if task.to_fetch and DeviceKind.EV_CHARGER in task.dataset.device_kinds
        }
        if not fetched:
            return []
        fresh, zone = self._fresh_tasks(lake)
        fresh = [task for task in fresh if task.dataset.name in fetched]
        plan_missing(lake, fresh, zone, only=State.NOT_REQUESTED)
        return [task for task in fresh if task.to_fetch]

    def _fresh_tasks(self, lake: Lake) -> tuple[list[BackfillTask], str]:
        """Return the tasks for the devices that are known now, and the time zone."""
        zone = stored_zone(self.settings)
        devices, _ = expect(lake, zone, lists_for(self.chosen))
        return self.make_tasks(lake, zone, Discovery(devices, (), datetime.now(UTC))), zone

    def _print_result(self, lake: Lake, tasks: Sequence[BackfillTask], *, has_run: bool) -> int:
        """Print the states of what was requested, and return the exit status."""
        days: dict[str, Counter[State]] = {}
        # Wait until another process has built the days that it fetched.
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
            return EXIT_COMPLETE
        _OUT.print("Incomplete; run `givlake status` for details.")
        return EXIT_INCOMPLETE
