"""When a request may be sent: the rules of one limit, as pure functions on its state.

No clock, file, process or thread appears here, so that the rules can be tested against a model of
the server in invented time. The promise to the server rests on two proofs that a slot is free:

* a request answered at `e` was counted in a window that began before `e`, so it no longer counts
  one window length after `e` (plus a margin);
* within one window the reported use never falls. An answer to a request sent after `e` that
  reports less use than the answer at `e` did comes out of a later window, and with it every slot
  answered until then is free.

Everything else (pacing, room for neighbours) only ever holds requests back.
"""

from __future__ import annotations

from math import ceil

import msgspec

from givenergy.budget.interface import Outcome, Priority, Signal
from givenergy.budget.state import BucketState, Done, Flight, Seen, Window

__all__ = ["Policy", "admit", "advance", "expected_others", "launch", "settle", "spent"]


class Policy(msgspec.Struct, frozen=True):
    """The constants of one limit.

    Attributes:
        limit: Requests a window, until the answers tell.
        window_ms: Length of the window.
        margin_ms: What a slot returns later than computed, for clocks and late arrivals.
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
        """How often a waiting thread asks again when nothing nearer is known."""
        return max(1, min(250, self.window_ms // 100))


# What others took fades from window to window, so that a burst every few minutes still finds room.
_FADE = 0.85
_REMEMBERED = 5
# Fewer than these are noise: a request that a killed process sent, an answer out of order.
_OTHERS_FROM = 3
_STORM_BELOW = 0.8


def advance(bucket: BucketState, policy: Policy, now_ms: int) -> None:
    """Take back what time alone has freed, and close a window that has surely ended."""
    horizon = now_ms - policy.window_ms - policy.margin_ms
    done = bucket.done
    if done and done[0].last_ms <= horizon:
        bucket.done = [group for group in done if group.last_ms > horizon]
    window = bucket.window
    if window is not None and 0 < window.first_end_ms <= horizon:
        if window.first_end_ms <= now_ms - _REMEMBERED * policy.window_ms:
            bucket.others_recent = []
        _close(bucket)


def admit(
    bucket: BucketState, policy: Policy, now_ms: int, *, priority: Priority, reserve: int = 0
) -> int:
    """0 if a request may be sent now, else how many ms to wait before asking again.

    `advance` must have been called for the same moment.
    """
    if now_ms < bucket.pause_until_ms:
        return bucket.pause_until_ms - now_ms
    finding_out = bucket.probing or bucket.window is None
    if finding_out or _outdated(bucket, policy, now_ms):
        # One request finds out what is left of the window before others follow it; a stalled one
        # holds nobody up for long.
        if any(f.sent_ms > now_ms - policy.window_ms // 30 for f in bucket.flights):
            return max(1, policy.poll_ms // 10)
    elif priority is Priority.BACKFILL and _today_waits(bucket, policy, now_ms):
        return policy.poll_ms
    # Room for others is no matter for the first request of a window: it shows who they are.
    room = 0 if finding_out else _room(bucket, policy, now_ms, priority)
    if spent(bucket) < max(1, bucket.limit - reserve - room):
        return 0
    return _next_change_ms(bucket, policy, now_ms)


def launch(bucket: BucketState, now_ms: int, *, id_: int, holder: str) -> Flight:
    """Take a slot for a request that is sent now; `id_` is above every former one."""
    if bucket.window is None:
        bucket.window = Window(opened_ms=now_ms, first_id=id_, ours=len(bucket.flights))
        bucket.probing = True
    bucket.window.ours += 1
    flight = Flight(id_, holder, now_ms)
    bucket.flights.append(flight)
    bucket.window.peak = max(bucket.window.peak, len(bucket.flights))
    return flight


def settle(
    bucket: BucketState, policy: Policy, flight: Flight, now_ms: int, signal: Signal
) -> None:
    """Record how a request ended; its slot starts to return now."""
    bucket.flights.remove(flight)
    window = bucket.window
    if signal.outcome is Outcome.UNREACHED:
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
        if not _speaks_of_present(bucket, flight, used):
            used = -1
    if used >= 0:
        _observe(bucket, policy, flight, now_ms, used)
    if bucket.window is not None and not bucket.window.first_end_ms:
        bucket.window.first_end_ms = now_ms
    _occupy(bucket, policy, flight, now_ms, used)
    if signal.outcome is Outcome.RATE_LIMITED:
        _pause(bucket, policy, flight, now_ms, signal)
        return
    if signal.outcome is Outcome.ANSWERED or signal.remaining is not None:
        bucket.probing = False
    if signal.outcome is Outcome.ANSWERED:
        bucket.refusals = 0
        bucket.answer_ms += (now_ms - flight.sent_ms - bucket.answer_ms) // 8


def spent(bucket: BucketState) -> int:
    """Requests that the server may have counted in the window in which the next one arrives.

    The higher of two counts: slots that have not come back plus what others were seen to spend,
    and what the answers reported plus everything they cannot have included.
    """
    flying = len(bucket.flights)
    counted = flying + sum(group.count for group in bucket.done)
    if bucket.window is not None:
        counted += bucket.window.others
    seen = bucket.seen
    if seen is None:
        return counted
    silent = sum(g.count for g in bucket.done if g.used < 0 and g.last_ms > seen.sent_ms)
    return max(counted, seen.used + flying + silent)


def expected_others(bucket: BucketState) -> int:
    """Requests a window to leave to others: what they take now or took lately.

    At most half of the limit: beyond that it is first come, first served.
    """
    now = bucket.window.others if bucket.window else 0
    recent = [now, *(taken * _FADE**age for age, taken in enumerate(bucket.others_recent))]
    most = min(ceil(max(recent)), bucket.limit // 2)
    return most if most >= _OTHERS_FROM else 0


def _outdated(bucket: BucketState, policy: Policy, now_ms: int) -> bool:
    """Whether others may have spent since the last answer what seems to be left."""
    if not expected_others(bucket):
        return False
    return bucket.seen is None or now_ms - bucket.seen.ended_ms > policy.window_ms // 60


def _today_waits(bucket: BucketState, policy: Policy, now_ms: int) -> bool:
    return any(
        waiter.priority == Priority.TODAY and waiter.asked_ms > now_ms - 4 * policy.poll_ms
        for waiter in bucket.waiting.values()
    )


def _room(bucket: BucketState, policy: Policy, now_ms: int, priority: Priority) -> int:
    """Requests to leave unused at this moment of the window."""
    window = bucket.window
    elapsed = (now_ms - window.opened_ms) / policy.window_ms if window else 0.0
    neighbours = 0
    if others := expected_others(bucket):
        neighbours = max(0, ceil(1.1 * others) + 2 - (window.others if window else 0))
        if elapsed >= _release_from(bucket, policy):
            # What they may still send until the window's end if they spread it evenly.
            neighbours = min(neighbours, ceil(1.5 * others * max(0.0, 1.0 - elapsed)) + 1)
    if priority is Priority.TODAY:
        # Only what they may send while a request of ours is on its way.
        return min(neighbours, ceil(others / 60) + 1)
    return neighbours + ceil(bucket.limit * _kept_share(bucket, policy, elapsed))


def _kept_share(bucket: BucketState, policy: Policy, elapsed: float) -> float:
    """Share of the limit that backfills leave unused when `elapsed` windows have passed."""
    start, end = _release_from(bucket, policy), policy.release_until
    if elapsed >= end:
        return 0.0
    if elapsed >= start:
        return policy.keep_end * (end - elapsed) / (end - start)
    return policy.keep_start - (policy.keep_start - policy.keep_end) * elapsed / start


def _release_from(bucket: BucketState, policy: Policy) -> float:
    """When the kept part is given out: earlier where answers are slow, or it could not be spent."""
    peak = bucket.window.peak if bucket.window else 1
    needs_ms = bucket.answer_ms * (1 + bucket.limit * policy.keep_end / max(1, peak))
    return max(0.5, min(policy.release_from, policy.release_until - needs_ms / policy.window_ms))


def _next_change_ms(bucket: BucketState, policy: Policy, now_ms: int) -> int:
    """Ms until asking again is worth while: at the latest after one poll."""
    lasts = policy.window_ms + policy.margin_ms
    moments = [now_ms + policy.poll_ms]
    if bucket.done:
        moments.append(bucket.done[0].last_ms + lasts)
    if window := bucket.window:
        release_ms = window.opened_ms + int(policy.window_ms * _release_from(bucket, policy))
        if release_ms <= now_ms:
            # The kept part is given out within about a second.
            moments.append(now_ms + policy.poll_ms // 10)
        moments += [release_ms, window.first_end_ms + lasts]
    return max(1, min(moment - now_ms for moment in moments if moment > now_ms))


def _noise(bucket: BucketState) -> int:
    """A fall in reported use smaller than this is not taken as a new window."""
    return max(1, bucket.limit // 20)


def _speaks_of_present(bucket: BucketState, flight: Flight, used: int) -> bool:
    """Whether an answer is to be believed about the present window.

    One to a request sent before the window was known may come out of the one before, and would
    fill the present window with the former's use.
    """
    if bucket.window is None:
        return False
    if flight.id >= bucket.window.first_id:
        return True
    return bucket.seen is not None and used < bucket.seen.used + _noise(bucket)


def _observe(bucket: BucketState, policy: Policy, flight: Flight, now_ms: int, used: int) -> None:
    """Take in what an answer reports about the present window."""
    seen = bucket.seen
    if seen is None:
        _free_older(bucket, flight, used)
        bucket.seen = Seen(used, flight.sent_ms, now_ms)
    elif used >= seen.used:
        bucket.seen = Seen(used, flight.sent_ms, now_ms)
    elif seen.ended_ms < flight.sent_ms and seen.used - used >= _noise(bucket):
        _free_older(bucket, flight, used)
        _open_learnt(bucket, policy, flight, seen, used)
        bucket.seen = Seen(used, flight.sent_ms, now_ms)
    if window := bucket.window:
        window.others = max(window.others, min(used, bucket.limit) - window.ours)


def _free_older(bucket: BucketState, flight: Flight, used: int) -> None:
    """Free what was counted in windows before the one that an answer comes out of.

    These are answers that arrived before it was sent and reported more use, and whatever ended
    before one of those was sent.
    """
    noise = _noise(bucket)
    known = [g for g in bucket.done if g.used - used >= noise and g.last_ms < flight.sent_ms]
    if known:
        counted_by = max(group.sent_ms for group in known)
        bucket.done = [
            g
            for g in bucket.done
            if g.last_ms > counted_by
            and not (g.used - used >= noise and g.last_ms < flight.sent_ms)
        ]


def _open_learnt(
    bucket: BucketState, policy: Policy, flight: Flight, seen: Seen, used: int
) -> None:
    """An answer shows that a new window has begun: tell when, and who has spent in it."""
    _close(bucket)
    ours = 1 + len(bucket.flights) + sum(group.count for group in bucket.done)
    ahead = max(0, used - ours)
    lead_ms = round(policy.window_ms * ahead / max(ahead, expected_others(bucket), 1))
    sent = [f.sent_ms for f in (flight, *bucket.flights) if f.sent_ms > seen.ended_ms]
    bucket.window = Window(
        opened_ms=max(seen.sent_ms, min(sent) - lead_ms),
        first_id=1 + max((f.id for f in bucket.flights), default=flight.id),
        ours=ours,
    )


def _close(bucket: BucketState) -> None:
    """Forget the present window but for what others took in it."""
    if bucket.window is not None:
        others = bucket.window.others
        if bucket.seen is not None and bucket.seen.used >= bucket.limit:
            # They may have wanted more than was left.
            others = ceil(others * 1.5)
        bucket.others_recent = [others, *bucket.others_recent][:_REMEMBERED]
    bucket.window = None
    bucket.seen = None


def _occupy(bucket: BucketState, policy: Policy, flight: Flight, now_ms: int, used: int) -> None:
    if bucket.done:
        group = bucket.done[-1]
        alike = (group.used < 0) == (used < 0) and abs(group.used - used) < _noise(bucket)
        if alike and now_ms - group.first_ms <= min(100, policy.window_ms // 600):
            group.last_ms = now_ms
            group.sent_ms = max(group.sent_ms, flight.sent_ms)
            group.count += 1
            group.used = min(group.used, used)
            return
    bucket.done.append(Done(now_ms, now_ms, flight.sent_ms, 1, used))


def _pause(
    bucket: BucketState, policy: Policy, flight: Flight, now_ms: int, signal: Signal
) -> None:
    """Stop everybody, once: refusals of requests that were already on their way add nothing."""
    if flight.sent_ms < bucket.paused_ms:
        return
    window_ms = policy.window_ms
    longer_ms = min(window_ms // 30 * 2 ** min(bucket.refusals, 16), window_ms // 6)
    if signal.retry_after_s is not None:
        wait_ms = min(ceil(signal.retry_after_s * 1000), max(3_600_000, window_ms))
        if bucket.refusals:
            wait_ms = max(wait_ms, longer_ms)
    elif signal.remaining != 0 and spent(bucket) < _STORM_BELOW * bucket.limit:
        # Far from the limit: not the limit speaks but a server in trouble.
        wait_ms = longer_ms
    elif bucket.refusals:
        # Others have emptied this window too; when it began is not known.
        wait_ms = window_ms
    else:
        begun_ms = bucket.window.first_end_ms if bucket.window else now_ms
        wait_ms = max(0, begun_ms + window_ms - now_ms)
    bucket.refusals += 1
    bucket.paused_ms = now_ms
    bucket.probing = True
    bucket.pause_until_ms = now_ms + wait_ms + policy.margin_ms
