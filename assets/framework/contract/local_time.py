"""Local times without an offset, and the UTC times that they denote.

Handles repeated and skipped hours. Columns of tables are the datasets' responsibility.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.column_schema import TIME_LOCAL, TIME_UTC
from assets.framework.contract.columns import FIRST_YEAR, LAST_YEAR, are_plausible, reject
from assets.framework.contract.json_rows import Rows

if TYPE_CHECKING:
    import pandas as pd


def parse_local_times(rows: Rows[Any], fields: Sequence[str], body: bytes) -> list[pa.Array]:
    """Read local times such as `2024-07-03 00:30` from each row, an array for each field.

    Rows whose time is missing, unreadable or has an offset are moved to `rows.rejected`.
    """
    arrays = [_as_recorded([getattr(row, field) for row in rows.values]) for field in fields]
    if all(array is not None for array in arrays):
        return arrays
    for field in fields:
        times = [_naive(getattr(row, field)) for row in rows.values]
        reject(rows, [index for index, time in enumerate(times) if time is None], field, body)
    return [
        pa.array([_naive(getattr(row, field)) for row in rows.values], TIME_LOCAL)
        for field in fields
    ]


def _as_recorded(texts: Sequence[str | None]) -> pa.Array | None:
    """Parse times of the usual format in one pass; None if any has another format."""
    column = pa.array(texts, pa.string())
    if column.null_count or not pc.all(pc.match_like(column, "____-__-__ __:__")).as_py():
        return None if len(column) else column.cast(TIME_LOCAL)
    try:
        labels = column.cast(TIME_LOCAL)
    except pa.ArrowInvalid:  # A field out of range, such as month 13.
        return None
    return labels if are_plausible(labels) else None


def _naive(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    is_label = time.tzinfo is None and FIRST_YEAR <= time.year <= LAST_YEAR
    return time if is_label else None


@dataclass(frozen=True, slots=True)
class Moments:
    """The UTC times that local times can denote.

    Attributes:
        first: The only UTC time, or the earlier of two; NaT for a skipped local time.
        second: The only UTC time, or the later of two.
    """

    first: pd.DatetimeIndex
    second: pd.DatetimeIndex

    @classmethod
    def from_local(cls, labels: pa.Array, zone: str, *, shift: bool = False) -> Moments:
        """Convert local times.

        Args:
            labels: Local times without an offset.
            zone: IANA time zone.
            shift: Read a skipped local time as the time of the clock change.
        """
        import pandas as pd  # takes longer than most commands that read

        # pandas reads the zone from the tzdata package, where Arrow needs the system to have one.
        local = pd.DatetimeIndex(labels.to_pandas())
        nonexistent: Literal["shift_forward", "NaT"] = "shift_forward" if shift else "NaT"

        def read(earlier: bool) -> pd.DatetimeIndex:
            choice = np.full(len(local), earlier)
            moments = local.tz_localize(zone, ambiguous=choice, nonexistent=nonexistent)
            return moments.tz_convert("UTC")

        return cls(read(True), read(False))

    @property
    def exist(self) -> np.ndarray:
        """Whether each local time exists."""
        return np.asarray(self.first.notna())

    @property
    def repeated(self) -> np.ndarray:
        """Whether each local time occurs twice."""
        return np.asarray((self.first != self.second) & self.first.notna())

    def starts(self, fold: np.ndarray) -> pd.DatetimeIndex:
        """Return the earlier UTC time where `fold` is 0, otherwise the later one."""
        return self.first.where(fold == 0, self.second)

    def after(self, starts: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the earliest UTC time after each start; NaT if there is none."""
        import pandas as pd

        later = self.second.where(self.second > starts)
        return pd.DatetimeIndex(self.first.where(self.first > starts, later))


def folds_by_order(labels: pa.Array, repeated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinguish repeated local times by their order in the response.

    Args:
        labels: Local times of one response, in order.
        repeated: Which of them occur twice on the clock.

    Returns:
        The fold (0 or 1) of each local time, and which are ambiguous: they occur twice on the
        clock, but once in the response.
    """
    import pandas as pd

    shown = pd.Series(np.asarray(labels.cast(pa.int64())))
    occurrence = shown.groupby(shown).cumcount().to_numpy()
    count = shown.groupby(shown).transform("size").to_numpy()
    fold = np.where(repeated, np.minimum(occurrence, 1), 0)
    return fold, repeated & (count == 1)


def to_utc(moments: pd.DatetimeIndex) -> pa.Array:
    """Return a column of UTC times."""
    return pa.array(moments).cast(TIME_UTC)
