"""Estimate the requests that a backfill sends, dataset by dataset.

The data folder is not changed: what must be requested to know more goes to a session with a scratch
folder, and the backfill requests it again. Everything is counted as the backfill sends it, whatever
the estimate has requested.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache, partial

from assets.ev_chargers import DATASET as EV_CHARGERS
from assets.ev_charging_sessions import DATASET as EV_CHARGING_SESSIONS
from assets.framework.contract.dataset import DailyDataset, Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.devices import DeviceKind, Devices
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.planner import due_datasets, due_devices
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from givenergy.server_clock import utc_now
from pipelines.account_zone import is_zone_due, sent_zone
from pipelines.backfill_plan import BackfillTask, plan_missing
from pipelines.discovery import known_state_of, lists_to_request
from pipelines.estimates.day_pages import DayPages, days_per_request, pages_of_days
from pipelines.estimates.snapshot_requests import count_pages
from pipelines.known_devices import Discovery
from pipelines.selection import daily, lists_for, selected_snapshots

# A plan keeps no answers: of more devices than this it samples as many.
MOST_LOOKED_UP = 20
# The row of the request that identifies the account of the token.
ACCOUNT = "account of the token"


class RequestEstimator:
    """Estimates the requests of one backfill.

    Attributes:
        requests: The requests estimated so far, by dataset.
        estimated: The datasets whose number of pages is estimated.
    """

    def __init__(
        self,
        scratch: Session,
        known: Session,
        chosen: Sequence[Dataset],
        device_ids: Sequence[str],
    ) -> None:
        """Estimate nothing yet.

        Args:
            scratch: A session whose data folder is thrown away.
            known: The same session with the owner's data folder, unless that is empty.
            chosen: The datasets of the command.
            device_ids: The devices of the command; none means all.
        """
        self.requests: Counter[str] = Counter()
        self.estimated: list[str] = []
        self._scratch = scratch
        self._known = known
        self._chosen = chosen
        self._is_new = known is scratch
        self._device_ids = device_ids
        # Requests of each dataset that was requested, and for how many devices each stands.
        self._looked_up: dict[str, tuple[int, float]] = {}
        self._due: list[SnapshotDataset] = []

    def count_account(self, began: datetime, *, is_remembered: bool) -> None:
        """Count the request that identifies the account, if the backfill sends it.

        Args:
            began: When the command began, UTC.
            is_remembered: Whether the answer to this command is kept for the backfill.
        """
        sent = sent_zone(self._scratch.lake.state.all())
        if sent is None or sent.at < began:
            return
        stored = {} if self._is_new else self._known.lake.state.all()
        if not is_remembered or is_zone_due(stored, sent.zone, timedelta(0), utc_now()):
            self.requests[ACCOUNT] += 1

    def count_lists(self, discovery: Discovery) -> None:
        """Count the device lists that the backfill requests."""
        lists: Sequence[DeviceList] = lists_for(self._chosen)
        if not self._is_new:
            lists = lists_to_request(lists, known_state_of(self._known, {}))
        for device_list in lists:
            if (report := discovery.reports.get(device_list.name)) is not None:
                self.requests[device_list.name] = report.total.requests

    @contextmanager
    def counting(self, name: str) -> Iterator[None]:
        """Count for a dataset what is requested meanwhile: the backfill requests the same."""
        before = self._scratch.client.totals.requests
        yield
        self.requests[name] += self._scratch.client.totals.requests - before

    def look_up(self, devices: Devices) -> Devices:
        """Request what shows which requests other datasets make, unless it is known.

        These are the commands of chargers, the sites, and the charging sessions, which show since
        when chargers have data.

        Returns:
            The devices, with the times that the answers show.
        """
        state = known_state_of(self._known, devices)
        self._due = self._due_snapshots(state)
        wanted = {table for dataset in self._due for table in dataset.depends_on}
        candidates = [
            dataset
            for dataset in selected_snapshots(self._chosen)
            if wanted & {table.name for table in dataset.output_tables}
        ]
        if any(dataset.pages_vary for dataset in daily(self._chosen)):
            candidates.append(EV_CHARGING_SESSIONS)
        for dataset in candidates:
            if not isinstance(dataset, DeviceList) and not state.latest_responses(dataset.name):
                self._request_all(dataset, devices)
        return self._with_times_of_chargers(devices)

    def _due_snapshots(self, state: KnownState) -> list[SnapshotDataset]:
        """List the datasets that have requests to make, without the device lists."""
        candidates = [
            dataset
            for dataset in selected_snapshots(self._chosen)
            if not isinstance(dataset, DeviceList)
            and (not self._device_ids or dataset.device_kinds)
        ]
        return due_datasets(candidates, state)

    def _with_times_of_chargers(self, devices: Devices) -> Devices:
        """Extend chargers by the times that follow from their sessions and readings."""
        chargers = {each.device_id: each for each in devices.get(DeviceKind.EV_CHARGER, ())}
        for session in (self._known, self._scratch):
            listed = EV_CHARGERS.devices(known_state_of(session, {}))[DeviceKind.EV_CHARGER]
            for charger in listed:
                if (known := chargers.get(charger.device_id)) is not None:
                    chargers[charger.device_id] = known.united(charger)
        return {**devices, DeviceKind.EV_CHARGER: tuple(chargers.values())}

    def _request_all(self, dataset: SnapshotDataset, devices: Devices) -> None:
        state = known_state_of(self._scratch, devices)
        due = sorted(due_devices(dataset, state))
        sampled = due[:MOST_LOOKED_UP]
        if sampled:
            report = ingest(self._scratch, dataset, SnapshotPlan(dataset, state, only=sampled))
            self._looked_up[dataset.name] = (report.total.requests, len(due) / len(sampled))

    def count_snapshots(self, devices: Devices) -> None:
        """Count the requests of snapshot datasets; a few are made to see how many pages there are.

        Call `look_up` first.
        """
        for dataset in self._due:
            if dataset.name in self._looked_up:
                requests_made, share = self._looked_up[dataset.name]
                self.requests[dataset.name] += round(requests_made * share)
                continue
            parents = {
                each.name
                for each in selected_snapshots(self._chosen)
                if set(dataset.depends_on) & {table.name for table in each.output_tables}
            }
            shares = [self._looked_up[name][1] for name in parents & self._looked_up.keys()]
            state = known_state_of(self._scratch if shares else self._known, devices)
            chosen = due_devices(dataset, state)
            requests = [
                each for each in dataset.requests(state) if chosen.intersection(each.device_ids)
            ]
            # One about several devices is about all, however many were sampled.
            joint = sum(1 for each in requests if each.joins)
            requests = [each for each in requests if not each.joins]
            count = count_pages(dataset, requests, self._scratch)
            self.requests[dataset.name] += joint + round(count * max(shares, default=1.0))
            if dataset.endpoint.page_size is not None and requests:
                self.estimated.append(dataset.name)

    def count_days(self, tasks: Sequence[BackfillTask], devices: Devices) -> None:
        """Plan tasks and count their requests."""
        state = known_state_of(self._known, devices)

        @cache
        def day_pages(dataset: DailyDataset) -> DayPages | None:
            begun: dict[str, date] = {}
            for session in (self._scratch, self._known):
                found = dataset.first_known_data(known_state_of(session, devices))
                begun |= {key: min(day, begun.get(key, day)) for key, day in found.items()}
            pages = pages_of_days(dataset, self._scratch, state, begun)
            if pages is not None:
                self.estimated.append(dataset.name)
            return pages

        self.requests += plan_missing(
            self._known.lake,
            tasks,
            self._known.zone,
            days_per_request=partial(days_per_request, session=self._scratch, state=state),
            further_pages=lambda dataset, days: (
                0.0 if (pages := day_pages(dataset)) is None else pages.further(days)
            ),
        )
