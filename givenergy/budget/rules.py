"""When a request may be sent: the rules of one limit, as pure functions on its state.

No clock, file, process or thread appears here, so that the rules can be tested against a model of
the server in simulated time. A slot is free only if one of two things is proven:

* A request answered at `e` was counted in a window that began before `e`, so it no longer counts
  one window length after `e` (plus a margin).
* Within one window the reported use never falls. If a request sent after `e` is answered with a
  lower use than the response at `e` reported, that response belongs to a later window, and every
  slot answered until then is free.

Everything else (pacing, room for other clients) only ever holds requests back.
"""

from __future__ import annotations

from math import ceil

import msgspec

from givenergy.budget import rate_window
from givenergy.budget.request_budget import OwnLimit, Priority, RequestOutcome, Signal
from givenergy.budget.state import BucketState, Completed, InFlight, RateWindow

__all__ = [
    "Policy",
    "admit",
    "expire_slots",
    "open_request",
    "own_policy",
    "settle",
    "used_slots",
]


class Policy(msgspec.Struct, frozen=True):
    """The constants of one limit.

    Attributes:
        limit: Requests per window, until a response states the limit.
        window_ms: Length of the window.
        margin_ms: Added to the time at which a slot is free, for clocks and late arrivals.
        keep_start: Share of the limit that backfills leave unused at the start of a window.
        keep_end: The same towards its end; never less than today's data may need at once.
        release_from: Share of the window after which the kept part is spent as well.
        release_until: Share of the window at which all of it may be spent.
    """

    limit: int = 300
    window_ms: int = 60_000
    margin_ms: int = 250
    keep_start: float = 0.2
    keep_end: float = 0.1
    release_from: float = 0.975
    release_until: float = 0.99

    @property
    def poll_ms(self) -> int:
        """Milliseconds after which a waiting thread asks again, if nothing happens earlier."""
        return max(1, min(250, self.window_ms // 100))


_STORM_BELOW = 0.8


def own_policy(own: OwnLimit, margin_ms: int) -> Policy:
    """Return the constants of an endpoint's own limit."""
    # No other client depends on such an endpoint: no share is kept for them.
    return Policy(
        limit=own.requests,
        window_ms=round(own.window_s * 1000),
        margin_ms=margin_ms,
        keep_start=0.0,
        keep_end=0.0,
    )


def expire_slots(bucket: BucketState, policy: Policy, now_ms: int) -> None:
    """Free the slots whose time is over, and close a window that has certainly ended."""
    horizon = now_ms - policy.window_ms - policy.margin_ms
    completed = bucket.completed
    if completed and completed[0].last_ms <= horizon:
        bucket.completed = [group for group in completed if group.last_ms > horizon]
    window = bucket.window
    if window is not None and 0 < window.first_end_ms <= horizon:
        if window.first_end_ms <= now_ms - rate_window.REMEMBERED * policy.window_ms:
            bucket.others_recent = []
        rate_window.close(bucket)


def admit(
    bucket: BucketState, policy: Policy, now_ms: int, *, priority: Priority, reserve: int = 0
) -> int:
    """Return 0 if a request may be sent now, else the ms to wait before asking again.

    `expire_slots` must have been called for the same moment.
    """
    if now_ms < bucket.pause_until_ms:
        return bucket.pause_until_ms - now_ms
    probing = bucket.probing or bucket.window is None
    if probing or _outdated(bucket, policy, now_ms):
        # One request finds out how much of the window is left before others follow; if it stalls,
        # the next one goes after a while.
        if any(f.sent_ms > now_ms - policy.window_ms // 30 for f in bucket.in_flight):
            return max(1, policy.poll_ms // 10)
    elif _more_urgent_waits(bucket, policy, now_ms, priority):
        return policy.poll_ms
    # The first request of a window need not leave room for others: it shows how much they use.
    room = 0 if probing else _room(bucket, policy, now_ms, priority)
    if used_slots(bucket) < max(1, bucket.limit - reserve - room):
        return 0
    return _next_change_ms(bucket, policy, now_ms)


def open_request(bucket: BucketState, now_ms: int, *, id_: int, holder: str) -> InFlight:
    """Take a slot for a request that is sent now; `id_` is above every earlier one."""
    if bucket.window is None:
        bucket.window = RateWindow(opened_ms=now_ms, first_id=id_, ours=len(bucket.in_flight))
        bucket.probing = True
    bucket.window.ours += 1
    request = InFlight(id_, holder, now_ms)
    bucket.in_flight.append(request)
    bucket.window.peak = max(bucket.window.peak, len(bucket.in_flight))
    return request


def settle(
    bucket: BucketState, policy: Policy, request: InFlight, now_ms: int, signal: Signal
) -> None:
    """Record how a request ended; from now on its slot is free one window later."""
    bucket.in_flight.remove(request)
    window = bucket.window
    if signal.outcome in (RequestOutcome.UNREACHED, RequestOutcome.UNSENT):
        if window is not None:
            window.ours -= 1
            if not window.ours and not window.first_end_ms:
                bucket.window = None
        return
    if signal.limit is not None and signal.limit > 0:
        bucket.limit = signal.limit
    used = -1
    if signal.remaining is not None:
        used = max(0, bucket.limit - signal.remaining)
        if not rate_window.is_from_present_window(bucket, request, used):
            used = -1
    if used >= 0:
        rate_window.observe(bucket, policy.window_ms, request, now_ms, used)
    if bucket.window is not None and not bucket.window.first_end_ms:
        bucket.window.first_end_ms = now_ms
    _occupy(bucket, policy, request, now_ms, used)
    if signal.outcome is RequestOutcome.RATE_LIMITED:
        _pause(bucket, policy, request, now_ms, signal)
        return
    if signal.outcome is RequestOutcome.ANSWERED or signal.remaining is not None:
        bucket.probing = False
    if signal.outcome is RequestOutcome.ANSWERED:
        bucket.refusals = 0
        bucket.answer_ms += (now_ms - request.sent_ms - bucket.answer_ms) // 8


def used_slots(bucket: BucketState) -> int:
    """Return how many requests the server may have counted in the window of the next one.

    The higher of two counts: occupied slots plus the observed use by others, and the use that
    responses reported plus every request that the report cannot have included.
    """
    counted = bucket.occupied
    if bucket.window is not None:
        counted += bucket.window.others
    last = bucket.last_reported
    if last is None:
        return counted
    unreported = sum(g.count for g in bucket.completed if g.used < 0 and g.last_ms > last.sent_ms)
    return max(counted, last.used + len(bucket.in_flight) + unreported)


def _outdated(bucket: BucketState, policy: Policy, now_ms: int) -> bool:
    """Return whether others may have used up since the last response what seems to be left."""
    if not rate_window.expected_others(bucket):
        return False
    return (
        bucket.last_reported is None
        or now_ms - bucket.last_reported.ended_ms > policy.window_ms // 60
    )


def _more_urgent_waits(
    bucket: BucketState, policy: Policy, now_ms: int, priority: Priority
) -> bool:
    return any(
        waiter.priority < priority and waiter.asked_ms > now_ms - 4 * policy.poll_ms
        for waiter in bucket.waiting.values()
    )


def _room(bucket: BucketState, policy: Policy, now_ms: int, priority: Priority) -> int:
    """Return the requests to leave unused at this moment of the window."""
    window = bucket.window
    elapsed = (now_ms - window.opened_ms) / policy.window_ms if window else 0.0
    neighbours = 0
    if others := rate_window.expected_others(bucket):
        neighbours = max(0, ceil(1.1 * others) + 2 - (window.others if window else 0))
        if elapsed >= _release_from(bucket, policy):
            # What others may still send until the window ends if they spread it evenly.
            neighbours = min(neighbours, ceil(1.5 * others * max(0.0, 1.0 - elapsed)) + 1)
    if priority is Priority.TODAY:
        # Only what others may send while one of our requests is in flight.
        return min(neighbours, ceil(others / 60) + 1)
    return neighbours + ceil(bucket.limit * _kept_share(bucket, policy, elapsed))


def _kept_share(bucket: BucketState, policy: Policy, elapsed: float) -> float:
    """Return the share of the limit that backfills leave unused after `elapsed` windows."""
    start, end = _release_from(bucket, policy), policy.release_until
    if elapsed >= end:
        return 0.0
    if elapsed >= start:
        return policy.keep_end * (end - elapsed) / (end - start)
    return policy.keep_start - (policy.keep_start - policy.keep_end) * elapsed / start


def _release_from(bucket: BucketState, policy: Policy) -> float:
    """Return when the kept part is released: earlier if responses are slow, to leave time."""
    peak = bucket.window.peak if bucket.window else 1
    needs_ms = bucket.answer_ms * (1 + bucket.limit * policy.keep_end / max(1, peak))
    return max(0.5, min(policy.release_from, policy.release_until - needs_ms / policy.window_ms))


def _next_change_ms(bucket: BucketState, policy: Policy, now_ms: int) -> int:
    """Return the ms until a slot may be free: at the latest after one poll."""
    lasts = policy.window_ms + policy.margin_ms
    moments = [now_ms + policy.poll_ms]
    if bucket.completed:
        moments.append(bucket.completed[0].last_ms + lasts)
    if window := bucket.window:
        release_ms = window.opened_ms + int(policy.window_ms * _release_from(bucket, policy))
        if release_ms <= now_ms:
            # The kept part is released within about a second.
            moments.append(now_ms + policy.poll_ms // 10)
        moments += [release_ms, window.first_end_ms + lasts]
    return max(1, min(moment - now_ms for moment in moments if moment > now_ms))


def _occupy(bucket: BucketState, policy: Policy, request: InFlight, now_ms: int, used: int) -> None:
    if bucket.completed:
        group = bucket.completed[-1]
        alike = (group.used < 0) == (used < 0) and abs(
            group.used - used
        ) < rate_window.smallest_fall(bucket)
        if alike and now_ms - group.first_ms <= min(100, policy.window_ms // 600):
            group.last_ms = now_ms
            group.sent_ms = max(group.sent_ms, request.sent_ms)
            group.count += 1
            group.used = min(group.used, used)
            return
    bucket.completed.append(Completed(now_ms, now_ms, request.sent_ms, 1, used))


def _pause(
    bucket: BucketState, policy: Policy, request: InFlight, now_ms: int, signal: Signal
) -> None:
    """Pause all requests, once: refusals of requests already in flight change nothing."""
    if request.sent_ms < bucket.paused_ms:
        return
    window_ms = policy.window_ms
    longer_ms = min(window_ms // 30 * 2 ** min(bucket.refusals, 16), window_ms // 6)
    if signal.retry_after_s is not None:
        wait_ms = min(ceil(signal.retry_after_s * 1000), max(3_600_000, window_ms))
        if bucket.refusals:
            wait_ms = max(wait_ms, longer_ms)
    elif signal.remaining != 0 and used_slots(bucket) < _STORM_BELOW * bucket.limit:
        # Far from the limit: the server is in trouble, the limit is not reached.
        wait_ms = longer_ms
    elif bucket.refusals:
        # Others have used up this window too; when it began is unknown.
        wait_ms = window_ms
    else:
        begun_ms = bucket.window.first_end_ms if bucket.window else now_ms
        wait_ms = max(0, begun_ms + window_ms - now_ms)
    bucket.refusals += 1
    bucket.paused_ms = now_ms
    bucket.probing = True
    bucket.pause_until_ms = now_ms + wait_ms + policy.margin_ms
