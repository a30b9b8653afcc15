"""When a day that was fetched when final, and is not whole, is looked at again.

Pure functions on arrays; times are microseconds since 1970. The view `coverage` says the same in
SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.coverage.coverage_fact import LOOKS, TO_CONFIRM_REASON, State

# No time: never due, never fetched.
NEVER = np.iinfo(np.int64).max
# In place of a time when data were known to continue: there is no evidence, or nothing came since.
WHOLE, SILENT = np.iinfo(np.int64).min, np.iinfo(np.int64).min + 1
_US = timedelta(microseconds=1)


def is_final(state: pa.DictionaryArray, reason: pa.DictionaryArray) -> np.ndarray:
    """Return for each day whether its state rests on a response from when it was final."""
    has_settled = is_one_of(state, [State.COMPLETE, State.EMPTY])
    result: np.ndarray = has_settled | is_one_of(reason, [TO_CONFIRM_REASON])
    return result


def is_one_of(words: pa.DictionaryArray, wanted: Sequence[str]) -> np.ndarray:
    """Return for each word whether it is one of some others; a null is none."""
    # By the few different words, not by those of all days. The last is for nulls.
    known = pc.is_in(words.dictionary, pa.array([str(word) for word in wanted]))
    matches = np.append(np.asarray(known).astype(bool), False)
    result: np.ndarray = matches[np.asarray(pc.fill_null(words.indices, -1))]
    return result


def look_again(
    fetched: np.ndarray,
    final: np.ndarray,
    over_at: np.ndarray,
    looked_at: np.ndarray,
    continued_at: np.ndarray,
    due_at: np.ndarray,
    now: datetime,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide which days are not final after all.

    Args:
        fetched: Whether the day has been fetched, final or not.
        final: Whether a response from when the day was final decides its state.
        over_at: When the day was over.
        looked_at: When it was last fetched.
        continued_at: From when on there are data after what is missing, or when the device was
            seen to be back; `SILENT` if there are none; `WHOLE` if nothing is missing.
        due_at: When the facts say to fetch it again.
        now: The present time, UTC.

    Returns:
        Which days are incomplete, which are of a device that has been silent since, and when each
        day is due. A day is due when the device came back after it was fetched; an incomplete day
        at the next look. Nothing more can be had of a silent device, so
        its days are not due until it is back. After the last look the facts apply.
    """
    if not (fetched.any() or final.any()):
        none = np.zeros(len(over_at), dtype=bool)
        return none, none, due_at
    last_look = over_at + LOOKS[-1] // _US
    missing = final & (continued_at != WHOLE) & (looked_at < last_look)
    silent = missing & (continued_at == SILENT) & (int(now.timestamp() * 1e6) < last_look)
    incomplete = missing & (continued_at != SILENT)
    is_back = fetched & (looked_at < last_look) & (continued_at > looked_at)
    next_look = np.full(len(over_at), NEVER)
    for look in reversed(LOOKS):
        at = over_at + look // _US
        next_look = np.where(at > looked_at, at, next_look)
    never = np.full(len(over_at), NEVER)
    cases = [(silent, never), (is_back, continued_at), (incomplete, next_look)]
    due_at = np.select([case for case, _ in cases], [due for _, due in cases], due_at)
    return incomplete, silent, due_at
