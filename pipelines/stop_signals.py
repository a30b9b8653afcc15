"""Ctrl-C and SIGTERM in a command: said at once, and then an orderly end.

Python runs a signal's handler only between two instructions of the main thread, which may be inside
a query for seconds, and Dagster replaces handlers while it executes a run. So a thread of its own
reads the signals, as numbers from a socket to which the interpreter writes them whatever handler is
set. It acknowledges the first one and ends the waits of all open sessions; the handlers raise
`KeyboardInterrupt` with the name of the signal, or let a run that is in progress store what has
come in.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

# Exit status of a command that a signal has ended.
INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOCK = threading.Lock()
_HEARD: list[int] = []
# The sessions that are open: what cancels them, and how many requests they have in flight.
_OPEN: list[tuple[threading.Event, Callable[[], int]]] = []


@contextmanager
def acknowledged() -> Iterator[None]:
    """Acknowledge SIGINT and SIGTERM within a block; both raise `KeyboardInterrupt`.

    Once that has left the block, the process is expected to end: a further signal ends it at once.
    Does nothing in a thread other than the main one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _HEARD.clear()
    # One that arrives before the thread runs waits until it does. The thread leaves them to others.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    thread = threading.Thread(target=_read, args=(receiver,), name="stop-signals", daemon=True)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        thread.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
        yield
    except KeyboardInterrupt:
        # At the end, too, where threads are waited for that wait for responses.
        handlers = dict.fromkeys(_SIGNALS, _end_at_once)
        raise
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        sender.close()
        thread.join()
        receiver.close()


@contextmanager
def cancelled_on_stop(cancelled: threading.Event, in_flight: Callable[[], int]) -> Iterator[None]:
    """Set an event as soon as a signal arrives within a block.

    Args:
        cancelled: The event.
        in_flight: Returns how many requests have been sent and not been answered.
    """
    session = (cancelled, in_flight)
    with _LOCK:
        _OPEN.append(session)
    try:
        yield
    finally:
        with _LOCK:
            _OPEN.remove(session)


def is_stopping() -> bool:
    """Return whether a signal has arrived since the outermost `acknowledged` began."""
    return bool(_HEARD)


def is_urgent() -> bool:
    """Return whether a second signal has arrived: nothing is waited for any more."""
    return len(_HEARD) > 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _read(receiver: socket.socket) -> None:
    """Read signal numbers until the other end is closed."""
    while numbers := receiver.recv(16):
        for number in numbers:
            if number in _SIGNALS:
                _HEARD.append(number)
                _acknowledge()


def _acknowledge() -> None:
    with _LOCK:
        sessions = list(_OPEN)
    if is_urgent():
        text = "Stopping at once."
    elif requests := sum(in_flight() for _, in_flight in sessions):
        text = f"Stopping; finishing {requests} request{'' if requests == 1 else 's'} in flight…"
    else:
        text = "Stopping…"
    # Standard error itself may be locked by the main thread. A progress bar ends without a newline.
    line = f"\r\x1b[K{text}\n" if os.isatty(2) else f"{text}\n"
    with suppress(OSError):
        os.write(2, line.encode())
    for cancelled, _ in sessions:
        cancelled.set()
