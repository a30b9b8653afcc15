"""Run `backfill` and `sync`: snapshot datasets first, then days, then the result."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NoReturn

from assets.framework.contract.dataset import Dataset, SnapshotDataset, Urgency
from givenergy.server_clock import utc_now
from pipelines.backfill_plan import BackfillTask, plan_missing
from pipelines.cli.common import EXIT_COMPLETE, EXIT_INCOMPLETE, EXIT_USAGE, console, printable
from pipelines.cli.finding_lines import print_new_findings
from pipelines.device_names import device_names
from pipelines.health.day_words import NextChecks, describe_days
from pipelines.health.freshness import Freshness, freshness
from pipelines.health.refusal_lines import refused
from pipelines.health.schedule_watch import record_update
from pipelines.known_devices import Discovery, expect
from pipelines.open_folder import open_lake, stored_zone
from pipelines.pending_builds import build_all_pending, include_built_days, pop_built_days
from pipelines.selection import daily, lists_for, selected_snapshots
from pipelines.settings import Settings
from pipelines.settings_to_read import setting_names_problem
from warehouse.coverage import SETTLED, State
from warehouse.lake import Lake

if TYPE_CHECKING:
    from pipelines.cli.runs import Runs

_OUT = console()
_NEWLY_DUE = (State.NOT_REQUESTED, State.PROVISIONAL)
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
        retry_refused: Whether to request what the API has refused, although it is not due.
    """

    settings: Settings
    chosen: Sequence[Dataset]
    discovery: Discovery
    make_tasks: MakeTasks
    refetch: bool = False
    refresh: bool = False
    retry_refused: bool = False

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
        failed, is_planned = False, True
        built = pop_built_days(lake, tasks)
        include_built_days(tasks, built)
        is_needed = bool(snapshots) or any(task.to_fetch for task in tasks)
        if is_needed:
            # Imported here because Dagster takes a second to load.
            from pipelines.cli.runs import Runs

            datasets = [*daily(self.chosen), *snapshots]
            first = [each for each in snapshots if each.urgency is not Urgency.LAST]
            last = [each for each in snapshots if each.urgency is Urgency.LAST]
            with Runs(self.settings, datasets, retry_refused=self.retry_refused) as runs:
                runs.show(lake, self.discovery.reports)
                runs.expect(tasks, snapshots, self.discovery.devices)
                if first:
                    runs.refresh(first, device_ids, refetch=self.refetch)
                    tasks = self._plan_again(lake, tasks)
                    include_built_days(tasks, built)
                runs.fetch_days(tasks, refetch=self.refetch, refresh=self.refresh)
                tasks, is_planned = self._fetch_new_days(lake, runs, tasks)
                if last and self._setting_names_problem(lake) is None:
                    runs.refresh(last, device_ids, refetch=self.refetch)
                failed = runs.print_summary(device_names(lake))
        else:
            _OUT.print("Nothing to fetch.")
        if self.refresh:
            record_update(lake)
        self._print_refused(lake, device_ids)
        print_new_findings(lake, self.discovery.at)
        is_settled = self._print_result(lake, tasks, device_ids, is_planned=is_planned)
        if not is_settled:
            _OUT.print("Incomplete; run `givlake status` for details.")
        elif failed:
            _OUT.print("Incomplete; what was stored before is kept. Run the same command again.")
        if (problem := self._setting_names_problem(lake)) is not None:
            console(stderr=True).print(printable(problem))
            return EXIT_USAGE
        return EXIT_INCOMPLETE if failed or not is_settled else EXIT_COMPLETE

    def _setting_names_problem(self, lake: Lake) -> str | None:
        return setting_names_problem(lake, self.settings, self.chosen)

    def _print_refused(self, lake: Lake, device_ids: Sequence[str]) -> None:
        """Print what the account or the token cannot read; this is no failure."""
        chosen = (*lists_for(self.chosen), *selected_snapshots(self.chosen))
        found = refused(lake, {dataset.name for dataset in chosen}, device_ids)
        for line in found.summary:
            _OUT.print(printable(line))
        for about, refusal in found.describe_others():
            _OUT.print(printable(f"{about} skipped: {refusal}"))

    def _plan_again(self, lake: Lake, tasks: Sequence[BackfillTask]) -> Sequence[BackfillTask]:
        """Plan again if devices have changed: sessions show since when a charger has data."""
        fresh, zone = self._fresh_tasks(lake)
        if fresh == tasks:
            return tasks
        plan_missing(lake, fresh, zone, refetch=self.refetch, refresh=self.refresh)
        return fresh

    def _fetch_new_days(
        self, lake: Lake, runs: "Runs", tasks: Sequence[BackfillTask]
    ) -> tuple[Sequence[BackfillTask], bool]:
        """Fetch days that the answers so far have made necessary, until there are none.

        How far back a charger has data is known only when its data end; days of a device that
        answers after its last contact become expected; a day can turn out to be incomplete.

        Returns:
            The tasks, and whether they are planned after the last run.
        """
        planned = _days_of(tasks)
        while not runs.ended:
            fresh, zone = self._fresh_tasks(lake)
            plan_missing(lake, fresh, zone, only=_NEWLY_DUE)
            days = _days_of(fresh)
            # Days that cannot be requested, such as those of a forbidden device, stay missing.
            new = {key for key, count in days.items() if count > planned[key]}
            for task in fresh:
                for day in list(task.to_fetch):
                    if (task.dataset.name, day) not in new:
                        del task.to_fetch[day]
            if not new:
                return fresh, True
            planned |= days
            runs.fetch_days(fresh, refetch=False, refresh=False)
        return tasks, False

    def _fresh_tasks(self, lake: Lake) -> tuple[list[BackfillTask], str]:
        """Return the tasks for the devices that are known now, and the time zone."""
        zone = stored_zone(self.settings)
        devices, _ = expect(lake, zone, lists_for(self.chosen))
        return self.make_tasks(lake, zone, Discovery(devices, (), utc_now())), zone

    def _print_result(
        self,
        lake: Lake,
        tasks: Sequence[BackfillTask],
        device_ids: Sequence[str],
        *,
        is_planned: bool,
    ) -> bool:
        """Print the states of what the command covers; return whether nothing of it is missing."""
        days: dict[str, Counter[State]] = {}
        # Wait until another process has built the days that it fetched.
        built, _ = build_all_pending(lake, wait_for={dataset.name for dataset in self.chosen})
        if not is_planned or built or any(task.days_by_state[State.NOT_BUILT] for task in tasks):
            tasks, zone = self._fresh_tasks(lake)
            plan_missing(lake, tasks, zone)
        for task in tasks:
            days.setdefault(task.dataset.name, Counter()).update(task.days_by_state)
        snapshots = self._freshness(lake, device_ids)
        for name, by_state in days.items():
            checks: NextChecks = Counter()
            for task in tasks:
                if task.dataset.name == name:
                    checks.update(task.next_checks)
            _OUT.print(f"{name}: {describe_days(by_state, checks)}")
        for snapshot in snapshots:
            for sentence in snapshot.problems:
                _OUT.print(printable(sentence))
        return all(set(states) <= SETTLED for states in days.values()) and all(
            snapshot.settled for snapshot in snapshots
        )

    def _freshness(self, lake: Lake, device_ids: Sequence[str]) -> list[Freshness]:
        """Return the freshness of the snapshot datasets, of the devices of the command."""
        chosen = selected_snapshots(self.chosen)
        if not device_ids:
            return freshness(lake, chosen, self.settings)
        of_devices = [dataset for dataset in chosen if dataset.device_kinds]
        found = freshness(lake, of_devices, self.settings)
        return [each.of_devices(device_ids) for each in found]


def _days_of(tasks: Sequence[BackfillTask]) -> Counter[tuple[str, date]]:
    """Count the device-days to fetch by dataset and day."""
    days: Counter[tuple[str, date]] = Counter()
    for task in tasks:
        for day, count in task.to_fetch.items():
            days[task.dataset.name, day] += count
    return days
