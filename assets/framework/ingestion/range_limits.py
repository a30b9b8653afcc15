"""The number of days per request: as many as the owner allows and the endpoint accepts.

The endpoint's limit is not documented; it is learnt from refusals and remembered.
"""

import msgspec

from assets.framework.contract.dataset import Dataset
from assets.framework.ingestion.session import Session

_KEY = "longest_range_days"


def longest_range(session: Session, dataset: Dataset) -> int:
    """Return the number of days that one request for a dataset may cover."""
    if not dataset.takes_ranges:
        return 1
    known = session.longest_range_days
    if dataset.name not in known:
        learnt = msgspec.convert(session.lake.state.get(_KEY, {}), dict[str, int])
        known[dataset.name] = min(session.range_days, learnt.get(dataset.name, session.range_days))
    return known[dataset.name]


def shorten_range(session: Session, dataset: Dataset, refused_days: int) -> None:
    """Record that a request for this many days was refused: later ones cover half as many."""
    days = min(longest_range(session, dataset), max(refused_days // 2, 1))
    session.longest_range_days[dataset.name] = days

    def note(stored: object) -> object:
        return {**msgspec.convert(stored or {}, dict[str, int]), dataset.name: days}

    session.lake.state.update(_KEY, note)
