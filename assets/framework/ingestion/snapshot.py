"""Plan the requests of a snapshot dataset, limited to the devices that are due."""

from collections.abc import Collection, Container, Iterable, Iterator
from datetime import timedelta

from assets.framework.contract.dataset import DeviceList, SnapshotDataset
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request, joined_spans
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.planner import without_answered
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.request_plan import RequestPlan
from givenergy.models import Fetched

_SILENT_AFTER = timedelta(days=30)


class SnapshotPlan(RequestPlan):
    """The requests of a snapshot dataset."""

    def __init__(
        self, dataset: SnapshotDataset, state: KnownState, *, only: Container[str] | None = None
    ) -> None:
        """Store what to plan.

        Args:
            dataset: Dataset to fetch.
            state: Known state.
            only: Devices to limit it to, "" for the account; None means all.
        """
        self.retry_unavailable = state.refetch or state.retry_refused
        # Without the devices of a list nothing else can be planned.
        self.awaits_others = isinstance(dataset, DeviceList)
        self._dataset = dataset
        self._state = state
        self._only = only
        self._responses: list[tuple[Request, Fetched]] = []

    def batches(self, report: IngestionReport) -> Iterator[Iterable[Request]]:
        """Plan all requests at once, those of devices that have long been silent last."""
        with self._state.reading():
            requests = list(self._dataset.requests(self._state))
        silent = {
            device.device_id
            for devices in self._state.devices.values()
            for device in devices
            if device.last_contact_at and self._state.now - device.last_contact_at > _SILENT_AFTER
        }
        requests.sort(key=lambda request: request.device_id in silent)
        only = self._only
        chosen = [r for r in requests if only is None or any(d in only for d in r.device_ids)]
        if only is not None:
            chosen = without_answered(chosen, self._dataset, self._state)
        if not self.retry_unavailable:
            availability = Availability(self._state.lake, self._dataset.name)
            chosen = [r for r in chosen if not availability.is_too_old(r, self._state.now)]
        report.expected = len(chosen)
        yield joined_spans(chosen)

    def answered_before(self) -> Collection[str]:
        """Return devices that have responded before: they have the endpoint."""
        if not self._dataset.optional:
            return ()
        return {response.device_id for response in self._state.latest_responses(self._dataset.name)}

    def observe(self, request: Request, fetched: Fetched) -> None:
        """Keep a response for `finish`, if the dataset asks for it."""
        if self._dataset.observes:
            self._responses.append((request, fetched))

    def finish(self) -> None:
        """Pass the responses to the dataset, which may infer how the API behaves."""
        self._dataset.observe_responses(self._state, self._responses)
