"""How things stand with what is asked for as it stands now: how old it is, and what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.framework.contract.dataset import SnapshotDataset
from assets.framework.contract.known_state import KnownState
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.availability import Availability, unavailable
from assets.framework.ingestion.last_requests import LastRequest, last_requests
from pipelines.discovery import known_devices
from pipelines.health.overview import failed
from pipelines.settings import Settings
from warehouse import NOT_BUILT_REASON, Lake, State, pending_responses, refresh_coverage, row_counts


@dataclass(slots=True)
class Freshness:
    """One dataset.

    Attributes:
        dataset: its name.
        rows: of its main table.
        asked: how each request last went.
        not_requested: devices, "" for the account, of which something is to be asked for at last.
        unavailable: what the account lacks and why, by what was asked about; "" is all of it.
    """

    dataset: str
    rows: int
    asked: list[LastRequest] = field(default_factory=list)
    not_requested: list[str] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nothing is failed, partial, forbidden or not requested."""
        return not self.not_requested and all(_is_settled(one) for one in self.asked)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of what is there was fetched, UTC."""
        return min((one.complete_at for one in self.asked if one.complete_at), default=None)

    @property
    def trouble(self) -> list[str]:
        """Say what is missing, a sentence for each."""
        never = [(device_id, "not requested") for device_id in self.not_requested]
        wrong = [
            (
                one.device_id,
                f"{str(one.state).replace('_', ' ')}, {one.reason.rstrip('.')}"
                f"{failed(one.error_count, one.at)}",
            )
            for one in self.asked
            if not _is_settled(one)
        ]
        return [
            f"{self.dataset}{f' {device_id}' if device_id else ''}: {what}"
            for device_id, what in never + wrong
        ]


def freshness(
    lake: Lake, datasets: Sequence[SnapshotDataset], settings: Settings
) -> list[Freshness]:
    """Tell how things stand with datasets, without a request."""
    refresh_coverage(lake, [])
    now = datetime.now(UTC)
    known_state = KnownState(lake, known_devices(lake), "", now, settings.zone, settings.range_days)
    lacking = unavailable(lake)
    not_built = pending_responses(lake, [dataset.name for dataset in datasets])
    with known_state.reading():
        by_dataset = last_requests(known_state)
        return [
            _freshness(
                known_state,
                dataset,
                [
                    _with_tables(one, not_built.get(dataset.name, {}))
                    for one in by_dataset.get(dataset.name, ())
                ],
                lacking.get(dataset.name, {}),
            )
            for dataset in datasets
        ]


def _freshness(
    known_state: KnownState,
    dataset: SnapshotDataset,
    asked: Sequence[LastRequest],
    missing: dict[str, str],
) -> Freshness:
    known = Availability(known_state.lake, dataset.name)
    wanted = (
        request
        for request in dataset.requests(known_state)
        if known.why(request.subject, known_state.now) is None
    )
    never = {request.device_id for request in wanted} - {one.device_id for one in asked}
    return Freshness(
        dataset.name,
        row_counts(known_state.lake, DatasetDecoder(dataset))[dataset.main.name],
        [one for one in asked if not missing.keys() & {"", one.device_id}],
        sorted(never),
        missing,
    )


def _with_tables(standing: LastRequest, not_built: Mapping[str, int]) -> LastRequest:
    """Tell what is in the tables from what is archived and not built yet."""
    if standing.state is State.COMPLETE and standing.device_id in not_built:
        return replace(standing, state=State.NOT_BUILT, reason=NOT_BUILT_REASON)
    return standing


def _is_settled(standing: LastRequest) -> bool:
    return standing.state in (State.COMPLETE, State.GONE)
