"""The session of an account: stores, client, budget, time zone."""

import threading
from dataclasses import dataclass, field

from givenergy import Client, RequestBudget
from warehouse import Lake


@dataclass(slots=True)
class Session:
    """An opened data folder and a client for one account.

    Attributes:
        lake: the data folder.
        client: archives each failed attempt in `lake` by itself.
        budget: the account's requests per minute, shared with all processes.
        account: opaque key of the account.
        zone: IANA time zone in which days are requested.
        connections: requests in flight.
        range_days: days that one request may cover, where the endpoint takes ranges.
        longest_range_days: by dataset, what is known of that so far.
        cancelled: once set, nothing new is begun and waiting ends.
    """

    lake: Lake
    client: Client
    budget: RequestBudget
    account: str
    zone: str
    connections: int
    range_days: int
    longest_range_days: dict[str, int] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
