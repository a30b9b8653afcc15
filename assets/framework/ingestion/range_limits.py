"""The number of days per request: as many as the owner allows and the endpoint accepts.

The endpoint's limit is not documented; it is learnt where a range is refused and a shorter one is
accepted. It is remembered for a month, as it can change and a refusal can be a fault.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from assets.framework.contract.dataset import Dataset
from assets.framework.ingestion.session import Session
from givenergy import utc_now

_KEY = "longest_range_days"
_REMEMBERED = timedelta(days=30)


class _Limit(msgspec.Struct):
    days: int
    at: datetime


def longest_range(session: Session, dataset: Dataset) -> int:
    """Return the number of days that one request for a dataset may cover."""
    if not dataset.takes_ranges:
        return 1
    known = session.longest_range_days
    if dataset.name not in known:
        limit = _limits(session.lake.state.get(_KEY)).get(dataset.name)
        is_recent = limit is not None and utc_now() - limit.at < _REMEMBERED
        learnt = limit.days if limit is not None and is_recent else session.range_days
        known[dataset.name] = min(session.range_days, learnt)
    return known[dataset.name]


def shorten_range(session: Session, dataset: Dataset, refused_days: int) -> None:
    """Record that a request for this many days was refused: later ones cover half as many."""
    days = min(longest_range(session, dataset), max(refused_days // 2, 1))
    session.longest_range_days[dataset.name] = days

    def note(stored: object) -> object:
        limits = _limits(stored)
        return msgspec.to_builtins({**limits, dataset.name: _Limit(days, utc_now())})

    session.lake.state.update(_KEY, note)


def _limits(stored: Any) -> dict[str, _Limit]:
    """Return the learnt limits; those of earlier versions have no date and are learnt again."""
    dated = {name: each for name, each in (stored or {}).items() if isinstance(each, dict)}
    return msgspec.convert(dated, dict[str, _Limit])
