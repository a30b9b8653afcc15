"""The server's current window and its use by others, inferred from responses.

Pure functions on the state, like `rules`, which decides what follows from them.
"""

from __future__ import annotations

from math import ceil

from givenergy.budget.state import BucketState, InFlight, LastReported, RateWindow

__all__ = [
    "REMEMBERED",
    "close",
    "expected_others",
    "is_from_present_window",
    "observe",
    "smallest_fall",
]

REMEMBERED = 5
# The use by others fades from window to window, so that a burst every few minutes finds room.
_FADE = 0.85
# Fewer than these are noise: a request of a killed process, a response out of order.
_OTHERS_FROM = 3


def expected_others(bucket: BucketState) -> int:
    """Return the requests per window to leave to others: their use now or lately.

    At most half of the limit: beyond that it is first come, first served.
    """
    now = bucket.window.others if bucket.window else 0
    recent = [now, *(taken * _FADE**age for age, taken in enumerate(bucket.others_recent))]
    most = min(ceil(max(recent)), bucket.limit // 2)
    return most if most >= _OTHERS_FROM else 0


def smallest_fall(bucket: BucketState) -> int:
    """Return the smallest fall in reported use that is taken as a new window."""
    return max(1, bucket.limit // 20)


def is_from_present_window(bucket: BucketState, request: InFlight, used: int) -> bool:
    """Return whether a response certainly reports on the present window.

    The response to a request sent before the window was known may belong to the previous window,
    and would fill the present one with the use of that.
    """
    if bucket.window is None:
        return False
    if request.id >= bucket.window.first_id:
        return True
    return bucket.last_reported is not None and used < bucket.last_reported.used + smallest_fall(
        bucket
    )


def observe(bucket: BucketState, window_ms: int, request: InFlight, now_ms: int, used: int) -> None:
    """Record what a response reports about the present window."""
    last = bucket.last_reported
    if last is None:
        _free_older(bucket, request, used)
        bucket.last_reported = LastReported(used, request.sent_ms, now_ms)
    elif used >= last.used:
        bucket.last_reported = LastReported(used, request.sent_ms, now_ms)
    elif last.ended_ms < request.sent_ms and last.used - used >= smallest_fall(bucket):
        _free_older(bucket, request, used)
        _open_observed(bucket, window_ms, request, last, used)
        bucket.last_reported = LastReported(used, request.sent_ms, now_ms)
    if window := bucket.window:
        window.others = max(window.others, min(used, bucket.limit) - window.ours)


def close(bucket: BucketState) -> None:
    """Forget the present window, except for its use by others."""
    if bucket.window is not None:
        others = bucket.window.others
        if bucket.last_reported is not None and bucket.last_reported.used >= bucket.limit:
            # Others may have needed more than was left.
            others = ceil(others * 1.5)
        bucket.others_recent = [others, *bucket.others_recent][:REMEMBERED]
    bucket.window = None
    bucket.last_reported = None


def _free_older(bucket: BucketState, request: InFlight, used: int) -> None:
    """Free the slots that were counted in earlier windows than that of a response.

    These are the requests answered before it was sent with a higher reported use, and every
    request that ended before one of those was sent.
    """
    least = smallest_fall(bucket)
    known = [g for g in bucket.completed if g.used - used >= least and g.last_ms < request.sent_ms]
    if known:
        counted_by = max(group.sent_ms for group in known)
        bucket.completed = [
            g
            for g in bucket.completed
            if g.last_ms > counted_by
            and not (g.used - used >= least and g.last_ms < request.sent_ms)
        ]


def _open_observed(
    bucket: BucketState, window_ms: int, request: InFlight, last: LastReported, used: int
) -> None:
    """Open the window that a response has revealed: estimate when it began and who used it."""
    close(bucket)
    ours = 1 + bucket.occupied
    ahead = max(0, used - ours)
    lead_ms = round(window_ms * ahead / max(ahead, expected_others(bucket), 1))
    sent = [f.sent_ms for f in (request, *bucket.in_flight) if f.sent_ms > last.ended_ms]
    bucket.window = RateWindow(
        opened_ms=max(last.sent_ms, min(sent) - lead_ms),
        first_id=1 + max((f.id for f in bucket.in_flight), default=request.id),
        ours=ours,
    )
