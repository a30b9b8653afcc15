"""How things stand with what is asked for as it stands now: how old it is, and what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from assets.framework.contract.dataset import RefreshedDataset
from assets.framework.contract.known_state import View
from assets.framework.ingestion.availability import Unavailable, unavailable
from assets.framework.ingestion.last_requests import Standing, standings
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
        never_asked: devices, "" for the account, of which something is to be asked for at last.
        unavailable: what the account lacks and why, by what was asked about; "" is all of it.
    """

    dataset: str
    rows: int
    asked: list[Standing] = field(default_factory=list)
    never_asked: list[str] = field(default_factory=list)
    unavailable: dict[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nothing is failed, partial, denied or never asked."""
        return not self.never_asked and all(_is_settled(one) for one in self.asked)

    @property
    def oldest_at(self) -> datetime | None:
        """When the oldest of what is there was fetched, UTC."""
        return min((one.complete_at for one in self.asked if one.complete_at), default=None)

    @property
    def trouble(self) -> list[str]:
        """Say what is missing, a sentence for each."""
        never = [(device_id, "never asked") for device_id in self.never_asked]
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
    lake: Lake, datasets: Sequence[RefreshedDataset], settings: Settings
) -> list[Freshness]:
    """Tell how things stand with datasets, without a request."""
    refresh_coverage(lake, [])
    now = datetime.now(UTC)
    view = View(lake, known_devices(lake), "", now, settings.zone, settings.range_days)
    lacking = unavailable(lake)
    not_built = pending_responses(lake, [dataset.name for dataset in datasets])
    with view.reading():
        by_dataset = standings(view)
        return [
            _freshness(
                view,
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
    view: View,
    dataset: RefreshedDataset,
    asked: Sequence[Standing],
    missing: dict[str, str],
) -> Freshness:
    known = Unavailable(view.lake, dataset.name)
    wanted = (ask for ask in dataset.asks(view) if known.why(ask.subject, view.now) is None)
    never = {ask.device_id for ask in wanted} - {one.device_id for one in asked}
    return Freshness(
        dataset.name,
        row_counts(view.lake, dataset)[dataset.main.name],
        [one for one in asked if not missing.keys() & {"", one.device_id}],
        sorted(never),
        missing,
    )


def _with_tables(standing: Standing, not_built: Mapping[str, int]) -> Standing:
    """Tell what is in the tables from what is archived and not built yet."""
    if standing.state is State.COMPLETE and standing.device_id in not_built:
        return replace(standing, state=State.NOT_BUILT, reason=NOT_BUILT_REASON)
    return standing


def _is_settled(standing: Standing) -> bool:
    return standing.state in (State.COMPLETE, State.GONE)
