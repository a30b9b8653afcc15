"""The rows of listings: generated ones, or those that a test has put in their place.

Belongs here: the registry through which endpoints and `Simulation.truth_of` reach the same rows.
Does not belong here: generating the rows (`simulator.endpoints`), pages (`page_envelope`).
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from simulator.world.cloud_state import CloudState

Parameters = Mapping[str, Any]


class SimulatedListing(ABC):
    """The rows of one kind. Parameters are named and written as in the API."""

    def __init__(self, state: CloudState) -> None:
        """Serve the accounts and devices of `state`."""
        self.state = state

    @abstractmethod
    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the rows of the complete response at the present clock, in its order.

        Raises `KeyError` for an unknown device, `ApiError` for invalid parameters.
        """

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the rows that the parameters let through, in the given order; here, all."""
        return rows


class LazyRows(Sequence[Any]):
    """A known number of rows, created on access, a slice at a time."""

    def __init__(self, count: int, make: Callable[[slice], list[Any]]) -> None:
        """Make `count` rows with `make`, called with slices whose bounds lie within `count`."""
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._count)
            return self._make(slice(start, max(start, stop)))[::step]
        position = range(self._count)[index]
        return self._make(slice(position, position + 1))[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._make(slice(0, self._count)))


class ListingRegistry:
    """All listings by name. Safe to use from several threads."""

    def __init__(self, listings: Mapping[str, SimulatedListing]) -> None:
        """Serve these listings; their names are those in `page_size_caps`."""
        self._listings = listings
        self._replaced: dict[tuple[str, str], list[Any]] = {}
        self._inserted: dict[tuple[str, str], list[Any]] = {}
        self._lock = threading.Lock()

    def rows(self, name: str, device_id: str, **parameters: Any) -> Sequence[Any]:
        """Return the rows of the complete response now. They may be lazy; do not change them.

        Raises `KeyError` for an unknown listing or device, `ApiError` for invalid parameters.
        """
        listing = self._listing(name)
        with self._lock:
            replaced = self._replaced.get((name, device_id))
            inserted = self._inserted.get((name, device_id))
        if replaced is not None:
            rows = listing.select(replaced, parameters)
        else:
            rows = listing.generate(device_id, parameters)
        return [*listing.select(inserted, parameters), *rows] if inserted else rows

    def replace(self, name: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Replace the generated rows by these (any JSON, in the order of listing).

        None undoes it. Raises `KeyError` for an unknown listing.
        """
        self._listing(name)
        with self._lock:
            if rows is None:
                self._replaced.pop((name, device_id), None)
            else:
                self._replaced[name, device_id] = list(rows)

    def insert(self, name: str, device_id: str, row: Any) -> None:
        """Put a row before all others for good, as when a list grows while it is being paged."""
        with self._lock:
            self._inserted.setdefault((name, device_id), []).insert(0, row)

    def _listing(self, name: str) -> SimulatedListing:
        if name not in self._listings:
            known = ", ".join(sorted(self._listings))
            raise KeyError(f"Unknown listing {name!r}; use one of {known}.")
        return self._listings[name]
