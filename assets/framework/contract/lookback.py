"""From when on to ask for things that begin and end: charging sessions, faults of inverters.

Their lists are filtered by the beginning, so what was open at the last look is only seen to end by
asking from its beginning on. After a month it is looked at once a week and reported as stale: some
never end. The tables have a derived column `has_ended`. Which requests are made is the datasets'
business.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources

from assets.framework.contract.known_state import KnownState
from assets.framework.contract.table import Table

STALE_AFTER = timedelta(days=30)
# A little less than a week, so that a refresh that began late does not put the next one off.
_STALE_EVERY = timedelta(days=6, hours=12)
# What is added to the list late, or corrected.
_OVERLAP = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A thing of which no end is known: whose it is and when it began, UTC."""

    device_id: str
    began_at: datetime

    def is_stale(self, now: datetime) -> bool:
        """Tell whether it has been open for so long that it may never end."""
        return now - self.began_at > STALE_AFTER


@dataclass(frozen=True, slots=True)
class Lookback:
    """A whole answer: from when on things were asked for, and when it was fetched, UTC."""

    asked_from: datetime
    at: datetime


def open_items(state: KnownState, table: Table, start_column: str) -> list[OpenItem]:
    """List the open things of a table.

    Args:
        state: what is known.
        table: has a device column and `has_ended`.
        start_column: says when a thing began.
    """
    sql = resources.files(__package__).joinpath("sql", "open_items.sql").read_text()
    query = sql.format(table=table.name, device=table.device_column, start=start_column)
    return [OpenItem(row["device_id"], row["began_at"]) for row in state.rows(query)]


def lookbacks(
    state: KnownState, dataset: str, start_parameter: str, apart_by: str = ""
) -> Mapping[tuple[str, str], list[Lookback]]:
    """Tell from when on each device was asked lately, and at the last whole answer.

    Args:
        state: what is known.
        dataset: its name.
        start_parameter: of the requests; a date or an ISO 8601 time.
        apart_by: a parameter whose values are different lists, such as `cleared`.

    Returns:
        Looks by device and value of that parameter.
    """
    sql = resources.files(__package__).joinpath("sql", "lookbacks.sql").read_text()
    found: dict[tuple[str, str], list[Lookback]] = {}
    for row in state.rows(
        sql,
        dataset=dataset,
        start=start_parameter,
        apart=apart_by,
        since=state.now - _STALE_EVERY,
    ):
        asked_from = datetime.fromisoformat(row["asked_from"])
        if asked_from.tzinfo is None:
            asked_from = asked_from.replace(tzinfo=UTC)
        found.setdefault((row["device_id"], row["apart"]), []).append(
            Lookback(asked_from, row["answered_at"])
        )
    return found


def ask_from(
    items: Iterable[OpenItem], looks: Collection[Lookback], *, beginning: datetime, now: datetime
) -> datetime:
    """Decide from when on to ask a device.

    All of its history the first time. Later, from a few days before the last whole answer or from
    the beginning of what was open then; what is stale counts only if it was not looked at for a
    week.

    Args:
        items: the device's open things.
        looks: earlier whole answers, each of which began where those before it had come to.
        beginning: of the device's history.
        now: the present time, UTC.
    """
    if not looks:
        return beginning
    times = [max(look.at for look in looks) - _OVERLAP]
    for item in items:
        looked_at = any(
            look.asked_from <= item.began_at and now - look.at < _STALE_EVERY for look in looks
        )
        if not (item.is_stale(now) and looked_at):
            times.append(item.began_at)
    return min(times)
