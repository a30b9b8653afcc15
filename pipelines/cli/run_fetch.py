"""Fetching what a command wants: what stands only now, then days, then the verdict."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NoReturn

from assets.framework.contract.dataset import Dataset, RefreshedDataset
from assets.framework.contract.devices import DeviceKind
from assets.framework.ingestion.availability import unavailable
from pipelines.backfill_plan import Errand
from pipelines.cli.common import ALL_THERE, SOMETHING_MISSING, console, printable
from pipelines.discovery import Discovery, expect, known_devices
from pipelines.health.freshness import freshness
from pipelines.health.overview import overview
from pipelines.health.schedule_watch import note_kept_current
from pipelines.pending_builds import build_all_pending, name_built_days, take_built_days
from pipelines.selection import daily, lists_for, refreshed
from pipelines.session_factory import open_lake, stored_zone
from pipelines.settings import Settings
from warehouse import Lake, State

if TYPE_CHECKING:
    from pipelines.cli.runs import Runs

_OUT = console()
# Plans the days of a command anew, given the time zone and what devices there are.
Wanted = Callable[[Lake, str, Discovery], list[Errand]]


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
        errands: Sequence[Errand],
        refreshes: Sequence[RefreshedDataset],
        device_ids: Sequence[str] = (),
        *,
        again: bool = False,
        refresh: bool = False,
    ) -> NoReturn:
        """Fetch what is missing, say what is there, and end with the exit status."""
        vain = False
        with open_lake(self._settings) as lake:
            built = take_built_days(lake, errands)
        name_built_days(errands, built)
        if refreshes or any(errand.to_fetch for errand in errands):
            # Dagster takes a second to load, and there is no need of it when all is there.
            from pipelines.cli.runs import Runs

            with Runs(self._settings, [*daily(self._chosen), *refreshes]) as runs:
                runs.show(self._found.reports)
                if refreshes:
                    runs.refresh(refreshes, device_ids, again=again)
                    errands = self._look_again()
                    name_built_days(errands, built)
                runs.fetch_days(errands, again=again, refresh=refresh)
                self._follow(runs, errands)
                vain = runs.say()
        else:
            _OUT.print("Nothing to fetch: all that was asked for is there.")
        if refresh:
            with open_lake(self._settings) as lake:
                note_kept_current(lake)
        else:
            self._say_what_is_left_out()
        status = _judge(self._settings, self._chosen, errands)
        raise SystemExit(SOMETHING_MISSING if vain else status)

    def _say_what_is_left_out(self) -> None:
        """Name what the account or the token lacks: it is no failure, but it is not there."""
        names = {dataset.name for dataset in (*lists_for(self._chosen), *refreshed(self._chosen))}
        with open_lake(self._settings) as lake:
            for name, reasons in unavailable(lake).items():
                for why in dict.fromkeys(reasons.values()) if name in names else ():
                    _OUT.print(printable(f"{name} left out: {why}"))

    def _follow(self, runs: "Runs", errands: Sequence[Errand]) -> None:
        """Fetch days that only what was fetched has told of, until there are no further ones."""
        tried: list[Counter[date]] = []
        while not runs.ended:
            errands = self._older_than(errands)
            days = [Counter(errand.to_fetch) for errand in errands]
            # What could not be asked for, such as days of a device that is refused, stays.
            if not errands or days == tried:
                return
            tried = days
            runs.fetch_days(errands, again=False, refresh=False)

    def _older_than(self, errands: Sequence[Errand]) -> list[Errand]:
        """Find days that were not expected before: a charger's history ends where nothing is."""
        about = {errand.dataset.name for errand in errands if errand.to_fetch}
        found = [
            errand
            for errand in self._look_again(only=State.NEVER_ASKED)
            if errand.dataset.name in about and DeviceKind.EV_CHARGER in errand.dataset.about
        ]
        return [errand for errand in found if errand.to_fetch]

    def _look_again(self, only: State | None = None) -> list[Errand]:
        """Plan days with what is known by now: sessions tell since when a charger has data."""
        with open_lake(self._settings) as lake:
            devices = known_devices(lake, lists_for(self._chosen))
            zone = stored_zone(self._settings)
            expect(lake, zone)
            errands = self._wanted(lake, zone, Discovery(devices, (), datetime.now(UTC)))
            if only is not None:
                for errand in errands:
                    errand.look(lake, zone, only=only)
            return errands


def _judge(settings: Settings, chosen: Sequence[Dataset], errands: Sequence[Errand]) -> int:
    """Say what is there of what was asked for, and give the exit status."""
    days: dict[str, Counter[State]] = {}
    settled = True
    with open_lake(settings) as lake:
        # Days that another process has fetched are judged by what they are, not by when it builds.
        build_all_pending(lake, wait_for={dataset.name for dataset in chosen})
        for errand in errands:
            found = overview(lake, errand.dataset, errand.devices, errand.start, errand.end)
            days.setdefault(errand.dataset.name, Counter()).update(found.days_by_state)
            settled &= found.settled
        fresh = freshness(lake, refreshed(chosen), settings)
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
