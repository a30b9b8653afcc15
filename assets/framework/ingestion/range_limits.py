"""How many days a request may cover: as many as the owner allows and the endpoint takes.

What an endpoint takes is not documented; it is learnt from its refusals and remembered.
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
    """Note that a request for so many days was refused: later ones cover half of them."""
    days = min(longest_range(session, dataset), max(refused_days // 2, 1))
    session.longest_range_days[dataset.name] = days

    def note(stored: object) -> object:
        return {**msgspec.convert(stored or {}, dict[str, int]), dataset.name: days}

    session.lake.state.update(_KEY, note)
