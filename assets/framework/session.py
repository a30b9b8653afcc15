"""What all ingestion works with: the stores, the client, the budget, the account's zone."""

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
        cancelled: once set, nothing new is begun and waiting ends.
    """

    lake: Lake
    client: Client
    budget: RequestBudget
    account: str
    zone: str
    connections: int
    cancelled: threading.Event = field(default_factory=threading.Event)
