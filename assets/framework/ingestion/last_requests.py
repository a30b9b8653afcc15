"""How each request for what is asked for as it stands now last went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from assets.framework.contract.known_state import View
from warehouse import State

_REFUSED = {401: State.DENIED, 402: State.DENIED, 403: State.DENIED, 404: State.GONE}


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of request about one thing.

    Attributes:
        device_id: the device it is about; "" is the account.
        state: complete, partial, failed, denied or gone.
        at: when it came to that, UTC.
        complete_at: when it was last answered whole, UTC.
        reason: why it is not complete; "" if it is.
        error_count: failures in the archive.
    """

    device_id: str
    state: State
    at: datetime
    complete_at: datetime | None
    reason: str = ""
    error_count: int = 0


def standings(view: View, dataset: str | None = None) -> Mapping[str, Sequence[Standing]]:
    """Tell how requests last went, by dataset; `dataset` limits them to one."""
    sql = resources.files(__package__).joinpath("sql", "last_requests.sql").read_text()
    found: dict[str, list[Standing]] = {}
    for row in view.rows(sql, dataset=dataset):
        found.setdefault(row["dataset"], []).append(_standing(row))
    return found


def _standing(row: Mapping[str, Any]) -> Standing:
    device_id, complete_at = row["device_id"], row["complete_at"]
    began = datetime.min.replace(tzinfo=UTC)
    at = max(time or began for time in (complete_at, row["error_at"], row["partial_at"]))
    if at == complete_at:
        return Standing(device_id, State.COMPLETE, at, complete_at)
    if at == row["partial_at"]:
        reason = row["partial"] or "the list came incomplete"
        return Standing(device_id, State.PARTIAL, at, complete_at, reason)
    state = _REFUSED.get(row["error_status"], State.FAILED)
    return Standing(device_id, state, at, complete_at, row["error"] or "", row["error_count"])
