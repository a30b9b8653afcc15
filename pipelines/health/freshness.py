"""The freshness of snapshot datasets: the age of their data, and failed requests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from assets.framework.contract.dataset import SnapshotDataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.known_state import KnownState
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.availability import Availability, Refusal, unavailable
from assets.framework.ingestion.last_requests import LastRequest, last_requests
from givenergy.server_clock import utc_now
from pipelines.account_zone import zone_of
from pipelines.device_names import DeviceNames
from pipelines.health.day_words import state_words
from pipelines.health.overview import describe_failures
from pipelines.known_devices import known_devices
from pipelines.open_folder import ACCOUNT_KEY
from pipelines.settings import Settings
from pipelines.settings_to_read import setting_reads_of
from warehouse.coverage import NOT_BUILT_REASON, State, refresh_coverage
from warehouse.index.watermarks import pending_responses
from warehouse.lake import Lake
from warehouse.tables.build import row_counts

# A refusal is noted after the response that it is about, but by a clock which each response
# corrects anew, where the machine's is wrong: `Date` has whole seconds, and some arrive late.
_CLOCK_STEP = timedelta(minutes=1)


@dataclass(slots=True)
class Freshness:
    """One snapshot dataset.

    Attributes:
        dataset: Its name.
        rows: The row count of its main table.
        last_requests: The last result of each request.
        not_requested: Devices, "" for the account, that were never requested.
        unavailable: What the API refuses, by device or part; "" means all of it.
        names: The names of the devices.
    """

    dataset: str
    rows: int
    last_requests: list[LastRequest] = field(default_factory=list)
    not_requested: list[str] = field(default_factory=list)
    unavailable: Mapping[str, Refusal] = field(default_factory=dict)
    names: DeviceNames = field(default_factory=lambda: DeviceNames({}))

    def of_devices(self, device_ids: Collection[str]) -> "Freshness":
        """Return the same for some devices only."""
        return replace(
            self,
            last_requests=[each for each in self.last_requests if each.device_id in device_ids],
            not_requested=[each for each in self.not_requested if each in device_ids],
        )

    @property
    def settled(self) -> bool:
        """Whether nothing is failed, partial, forbidden, not built or not requested."""
        return not self.not_requested and all(each.is_settled for each in self.last_requests)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest data were fetched, UTC."""
        return min((at for each in self.last_requests if (at := each.complete_at)), default=None)

    @property
    def problems(self) -> list[str]:
        """Messages about missing data, one per device."""
        missing = [(device_id, "not requested") for device_id in self.not_requested]
        missing += [
            (
                each.device_id,
                f"{state_words(each.state)}, {each.reason.rstrip('.')}"
                f"{describe_failures(each.error_count, each.at)}",
            )
            for each in self.last_requests
            if not each.is_settled
        ]
        return [
            f"{self.dataset} {self.names[device_id]}".strip() + f": {problem}"
            for device_id, problem in missing
        ]


def freshness(
    lake: Lake, datasets: Sequence[SnapshotDataset], settings: Settings
) -> list[Freshness]:
    """Return the freshness of datasets, without a request."""
    refresh_coverage(lake, [])
    now = utc_now()
    zone = zone_of(settings, lake.state.all())
    known_state = KnownState(
        lake,
        known_devices(lake),
        "",
        now,
        zone,
        settings.range_days,
        setting_reads=setting_reads_of(settings),
    )
    reasons = unavailable(lake)
    not_built = pending_responses(lake, [dataset.name for dataset in datasets])
    # A folder that never had an account has nothing to request.
    has_account = lake.state.get(ACCOUNT_KEY) is not None
    with known_state.reading():
        by_dataset = last_requests(known_state, datasets)
        return [
            _freshness(
                known_state,
                dataset,
                [
                    _with_tables(each, not_built.get(dataset.name, {}))
                    for each in by_dataset.get(dataset.name, ())
                ],
                reasons.get(dataset.name, {}),
                has_account=has_account,
            )
            for dataset in datasets
        ]


def _freshness(
    known_state: KnownState,
    dataset: SnapshotDataset,
    requested: Sequence[LastRequest],
    reasons: Mapping[str, Refusal],
    *,
    has_account: bool,
) -> Freshness:
    availability = Availability(known_state.lake, dataset.name)
    candidates = {
        part.device_id
        for request in dataset.requests(known_state)
        for part in request.joins or (request,)
        if not availability.is_refused("", part.subject)
    }
    if isinstance(dataset, DeviceAskingDataset):
        # The last read of a device says whether it answers; those before need no repetition. What
        # is not due may not be repeated either: that a device does not answer is a state of it.
        latest = {
            each.device_id: each
            for each in sorted(requested, key=lambda each: each.at)
            if each.is_settled or each.device_id in candidates
        }
        requested = list(latest.values())
    return Freshness(
        dataset.name,
        row_counts(known_state.lake, DatasetDecoder(dataset))[dataset.main.name],
        [each for each in requested if not (dataset.optional and _is_refused(each, reasons))],
        sorted(candidates - {each.device_id for each in requested}) if has_account else [],
        reasons,
        DeviceNames(known_state.devices),
    )


def _is_refused(last_request: LastRequest, refusals: Mapping[str, Refusal]) -> bool:
    """Return whether the API lacks what was requested, rather than that the request failed.

    Until it is confirmed, a refusal that is no known way of lacking something is a failure.
    """
    return any(
        subject in ("", last_request.device_id)
        or (subject.startswith(f"{last_request.device_id} ") and not last_request.is_settled)
        for subject, refusal in refusals.items()
        if (refusal.is_confirmed or not refusal.weekly)
        and last_request.at <= refusal.at + _CLOCK_STEP
    )


def _with_tables(last_request: LastRequest, not_built: Mapping[str, int]) -> LastRequest:
    """Return a request as not built if its response is archived and not in the tables yet."""
    if last_request.state is State.COMPLETE and last_request.device_id in not_built:
        return replace(last_request, state=State.NOT_BUILT, reason=NOT_BUILT_REASON)
    return last_request
