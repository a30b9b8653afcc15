"""The request budget in words."""

from collections.abc import Iterator

from givenergy import BudgetSnapshot, Priority
from pipelines.cli.common import duration, plural


def budget_lines(snapshot: BudgetSnapshot) -> Iterator[str]:
    """Say what is left, who uses what, who waits and until when."""
    yield (
        f"{plural(snapshot.available, 'request')} left of {snapshot.limit} in"
        f" {duration(snapshot.window_s)}: {snapshot.used_by_us} used by givlake,"
        f" {snapshot.used_by_others} by others, {snapshot.reserve} reserved for others"
    )
    waiting = sum(snapshot.waiting.values())
    if waiting:
        urgent = snapshot.waiting.get(Priority.TODAY, 0)
        yield f"{plural(waiting, 'request')} waiting, {urgent} of them for today's data"
    if snapshot.paused_for_s > 0:
        yield f"paused for {duration(snapshot.paused_for_s)}: the API has refused for rate"
    if snapshot.host_down_for_s is not None:
        yield f"the API has not answered for {duration(snapshot.host_down_for_s)}"
