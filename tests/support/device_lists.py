"""Changes of a simulated account's list of communication devices."""

from collections.abc import Callable
from datetime import date
from typing import Any

from simulator import Simulator

Entry = dict[str, Any]


def change_listed(sim: Simulator, change: Callable[[Entry], Entry]) -> None:
    """Change the entries of communication devices that have an inverter."""
    account = str(sim.account["id"])
    entries = sim.truth_of("communication-device", account)
    sim.set_listing(
        "communication-device",
        account,
        [change(entry) if entry["inverter"] else entry for entry in entries],
    )


def commissioned(day: date) -> Callable[[Entry], Entry]:
    """Return a change of an entry: both devices were commissioned on a day.

    The list says that of an inverter whose communication device was replaced on that day.
    """
    at = f"{day}T00:00:00Z"
    return lambda entry: {
        **entry,
        "commission_date": at,
        "inverter": {**entry["inverter"], "commission_date": at},
    }


def last_contact(day: date) -> Callable[[Entry], Entry]:
    """Return a change of an entry: the inverter was last in contact on a day."""
    at = f"{day}T00:00:00Z"
    return lambda entry: {
        **entry,
        "inverter": {**entry["inverter"], "last_online": at, "last_updated": at},
    }
