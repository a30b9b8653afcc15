"""Figures that are computed from others of a row: plausible, or null."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.columns import rounded
from assets.framework.contract.requested_time import latest_believable


def difference(start: pa.Array, stop: pa.Array) -> pa.Array:
    """Return `stop` less `start`, without the noise of floating point."""
    differences = pc.subtract(stop, start)
    missing = np.asarray(pc.is_null(differences))
    return pa.array(rounded(differences.to_numpy(zero_copy_only=False)), mask=missing)


def duration_s(start: pa.Array, stop: pa.Array, fetched_at: datetime) -> pa.Array:
    """Return the seconds between two columns of times.

    Null if one is missing, the end is before the start, or the end is long after the response was
    fetched, which cannot know of it.

    Args:
        start: Starts, UTC.
        stop: Ends, UTC.
        fetched_at: When the response was fetched.
    """
    late = pc.greater(stop, pa.scalar(latest_believable(fetched_at), stop.type))
    is_possible = pc.and_(pc.greater_equal(stop, start), pc.invert(late))
    microseconds = difference(start.cast(pa.int64()), stop.cast(pa.int64()))
    seconds = pc.divide(microseconds.cast(pa.float64()), 1e6)
    return pc.if_else(is_possible, seconds, pa.scalar(None, pa.float64()))
