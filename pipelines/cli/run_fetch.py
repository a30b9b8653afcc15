"""Fetching what a command wants: what stands only now, then days, then the verdict."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn

from assets.framework.contract.dataset import Dataset, SnapshotDataset
from assets.framework.contract.devices import DeviceKind
from assets.framework.ingestion.availability import unavailable
from pipelines.backfill_plan import BackfillTask
from pipelines.cli.common import ALL_THERE, SOMETHING_MISSING, console, printable
from pipelines.discovery import Discovery, expect, known_devices
from pipelines.health.freshness import freshness
from pipelines.health.overview import overview
from pipelines.health.schedule_watch import note_kept_current
from pipelines.pending_builds import build_all_pending, name_built_days, take_built_days
from pipelines.selection import daily, lists_for, selected_snapshots
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import Lake, State

if TYPE_CHECKING:
    from pipelines.cli.runs import Runs

_OUT = console()
# Plans the days of a command anew, given the time zone and what devices there are.
Wanted = Callable[[Lake, str, Discovery], list[BackfillTask]]


class Fetching:
    """One `backfill` or `sync`: what stands only now, then days, then the verdict."""

    def __init__(
        self,
        settings: Settings,
        chosen: Sequence[Dataset],
        found: Discovery,
        wanted: Wanted,
    ) -> None:
        self._settings = settings
        self._chosen = chosen
        self._found = found
        self._wanted = wanted

    def do(
        self,
        tasks: Sequence[BackfillTask],
        refreshes: Sequence[SnapshotDataset],
        device_ids: Sequence[str] = (),
        *,
        refetch: bool = False,
        refresh: bool = False,
    ) -> NoReturn:
        """Fetch what is missing, say what is there, and end with the exit status."""
        vain = False
        with open_lake(self._settings) as lake:
            built = take_built_days(lake, tasks)
        name_built_days(tasks, built)
        if refreshes or any(task.to_fetch for task in tasks):
            # Dagster takes a second to load, and there is no need of it when all is there.
            from pipelines.cli.runs import Runs

            with Runs(self._settings, [*daily(self._chosen), *refreshes]) as runs:
                runs.show(self._found.reports)
                if refreshes:
                    runs.refresh(refreshes, device_ids, refetch=refetch)
                    tasks = self._look_again()
                    name_built_days(tasks, built)
                runs.fetch_days(tasks, refetch=refetch, refresh=refresh)
                self._follow(runs, tasks)
                vain = runs.say()
        else:
            _OUT.print("Nothing to fetch: all that was asked for is there.")
        if refresh:
            with open_lake(self._settings) as lake:
                note_kept_current(lake)
        else:
            self._say_what_is_left_out()
        status = _validate(self._settings, self._chosen, tasks)
        raise SystemExit(SOMETHING_MISSING if vain else status)

    def _say_what_is_left_out(self) -> None:
        """Name what the account or the token lacks: it is no failure, but it is not there."""
        names = {
            dataset.name
            for dataset in (*lists_for(self._chosen), *selected_snapshots(self._chosen))
        }
        with open_lake(self._settings) as lake:
            for name, reasons in unavailable(lake).items():
                for why in dict.fromkeys(reasons.values()) if name in names else ():
                    _OUT.print(printable(f"{name} left out: {why}"))

    def _follow(self, runs: "Runs", tasks: Sequence[BackfillTask]) -> None:
        """Fetch days that only what was fetched has told of, until there are no further ones."""
        tried: list[Counter[date]] = []
        while not runs.ended:
            tasks = self._older_than(tasks)
            days = [Counter(task.to_fetch) for task in tasks]
            # What could not be asked for, such as days of a device that is refused, stays.
            if not tasks or days == tried:
                return
            tried = days
            runs.fetch_days(tasks, refetch=False, refresh=False)

    def _older_than(self, tasks: Sequence[BackfillTask]) -> list[BackfillTask]:
        """Find days that were not expected before: a charger's history ends where nothing is."""
        about = {task.dataset.name for task in tasks if task.to_fetch}
        found = [
            task
            for task in self._look_again(only=State.NOT_REQUESTED)
            if task.dataset.name in about and DeviceKind.EV_CHARGER in task.dataset.device_kinds
        ]
        return [task for task in found if task.to_fetch]

    def _look_again(self, only: State | None = None) -> list[BackfillTask]:
        """Plan days with what is known by now: sessions tell since when a charger has data."""
        with open_lake(self._settings) as lake:
            devices = known_devices(lake, lists_for(self._chosen))
            zone = stored_zone(self._settings)
            expect(lake, zone)
            tasks = self._wanted(lake, zone, Discovery(devices, (), datetime.now(UTC)))
            if only is not None:
                for task in tasks:
                    task.plan_missing(lake, zone, only=only)
            return tasks


def _validate(settings: Settings, chosen: Sequence[Dataset], tasks: Sequence[BackfillTask]) -> int:
    """Say what is there of what was asked for, and give the exit status."""
    days: dict[str, Counter[State]] = {}
    settled = True
    with open_lake(settings) as lake:
        # Days that another process has fetched are judged by what they are, not by when it builds.
        build_all_pending(lake, wait_for={dataset.name for dataset in chosen})
        for task in tasks:
            found = overview(lake, task.dataset, task.devices, task.start, task.end)
            days.setdefault(task.dataset.name, Counter()).update(found.days_by_state)
            settled &= found.settled
        fresh = freshness(lake, selected_snapshots(chosen), settings)
    for name, by_state in days.items():
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(by_state.items()))
        _OUT.print(f"{name}: {states or 'no'} device-days")
    for of_dataset in fresh:
        settled &= of_dataset.settled
        for sentence in of_dataset.trouble:
            _OUT.print(printable(sentence))
    if not settled:
        _OUT.print("Something is missing: givlake status says what and why.")
    return ALL_THERE if settled else SOMETHING_MISSING
