"""The state of the request budget as text."""

from collections.abc import Iterator

from givenergy.budget.request_budget import BudgetSnapshot, Priority
from pipelines.cli.common import duration, plural


def budget_lines(snapshot: BudgetSnapshot) -> Iterator[str]:
    """Yield lines about available, used and waiting requests, pauses and outages."""
    yield (
        f"{snapshot.available} of {plural(snapshot.limit, 'request')} per"
        f" {duration(snapshot.window_s)} available; used by givlake: {snapshot.used_by_us}, used by"
        f" others: {snapshot.used_by_others}, reserved for others: {snapshot.reserve}"
    )
    waiting = sum(snapshot.waiting.values())
    if waiting:
        urgent = snapshot.waiting.get(Priority.TODAY, 0)
        yield f"{plural(waiting, 'request')} waiting, {urgent} of them for today's data"
    if snapshot.paused_for_s > 0:
        yield f"paused for {duration(snapshot.paused_for_s)}: the API's rate limit was reached"
    if snapshot.host_down_for_s is not None:
        yield f"no response from the API for {duration(snapshot.host_down_for_s)}"
