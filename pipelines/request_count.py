"""Count the requests that this process has sent, in all of its sessions.

A command makes several: to plan, for the device lists, and one for each Dagster run.
"""

import threading


class _Sent:
    count = 0


_LOCK = threading.Lock()


def add_sent(requests: int) -> None:
    """Count the requests of a client that is closed."""
    with _LOCK:
        _Sent.count += requests


def sent_requests() -> int:
    """Return the number of requests that the closed clients of this process have sent."""
    return _Sent.count


def reset_sent() -> None:
    """Begin to count again, as another command begins in this process."""
    with _LOCK:
        _Sent.count = 0
