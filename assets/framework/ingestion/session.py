"""The session of an account: stores, client, budget, time zone."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from assets.framework.contract.setting_choice import NO_SETTING_READS, SettingReads
from givenergy.budget.request_budget import RequestBudget
from givenergy.client import Client
from warehouse.lake import Lake
from warehouse.source_names import API_SOURCE


@dataclass(slots=True)
class Session:
    """An opened data folder and a client for one account.

    Attributes:
        lake: The data folder.
        client: Client of the API; archives failed attempts in `lake`.
        budget: The account's requests per minute, shared with all processes.
        account: Opaque key of the account.
        zone: IANA time zone in which days are requested.
        connections: Number of concurrent requests.
        range_days: Maximum number of days per request, if the endpoint takes ranges.
        longest_range_days: Learnt limits by dataset.
        cancelled: Set to start no further request and stop waiting.
        setting_reads: The settings of inverters to read.
        tell: Called with a sentence when the API stops responding, and when it responds again.
        source: Name of the API, if it is another than GivEnergy's.
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
    setting_reads: SettingReads = NO_SETTING_READS
    tell: Callable[[str], object] = lambda _: None
    source: str = API_SOURCE

    def state_name(self, name: str) -> str:
        """Return the name under which something learnt about the API is stored."""
        return name if self.source == API_SOURCE else f"{name}_of_{self.source}"
