"""Which rows a listing holds: invented ones, or those that a test has put in their place.

Belongs here: the registry by which endpoints and ``Simulator.truth_of`` reach the same rows. Does
not belong here: inventing rows (the content modules, each of which makes a ``Listing``), paging.

An endpoint module fills it by defining ``LISTINGS`` beside ``ENDPOINTS``: a mapping from the name
used in ``page_size_caps`` to what makes the listing out of the world, such as its class.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

Parameters = Mapping[str, Any]


class Listing(Protocol):
    """One kind of content. Parameters are named and written as in the API."""

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """The rows of the complete answer at the present clock, in its order.

        Raises ``KeyError`` for an unknown device, ``ApiError`` for parameters of wrong form.
        """
        ...

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Those of the given rows that the parameters let through, in the order given."""
        ...


class LazyRows(Sequence[Any]):
    """Rows of known number that are made when looked at, a slice at a time."""

    def __init__(self, count: int, make: Callable[[slice], list[Any]]) -> None:
        """``make`` gives the rows of a slice whose bounds lie within ``count``."""
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


class Listings:
    """All listings of a world by name. Safe to use from several threads."""

    def __init__(self) -> None:
        """Empty."""
        self._listings: dict[str, Listing] = {}
        self._replaced: dict[tuple[str, str], list[Any]] = {}
        self._inserted: dict[tuple[str, str], list[Any]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, listing: Listing) -> None:
        """Makes a listing known."""
        self._listings[name] = listing

    def rows(self, name: str, device_id: str, **parameters: Any) -> Sequence[Any]:
        """The rows that a complete answer holds now. May be lazy; do not change it.

        Raises ``KeyError`` for an unknown listing or device, ``ApiError`` for wrong parameters.
        """
        listing = self._listing(name)
        with self._lock:
            replaced = self._replaced.get((name, device_id))
            inserted = self._inserted.get((name, device_id))
        if replaced is not None:
            rows = listing.selected(replaced, parameters)
        else:
            rows = listing.invented(device_id, parameters)
        return [*listing.selected(inserted, parameters), *rows] if inserted else rows

    def replace(self, name: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Puts rows (any JSON, in the order of listing) in place of invented ones; None undoes it.

        Raises ``KeyError`` for an unknown listing.
        """
        self._listing(name)
        with self._lock:
            if rows is None:
                self._replaced.pop((name, device_id), None)
            else:
                self._replaced[name, device_id] = list(rows)

    def insert(self, name: str, device_id: str, row: Any) -> None:
        """Puts a row before all others, for good: how a list shifts while it is being paged."""
        with self._lock:
            self._inserted.setdefault((name, device_id), []).insert(0, row)

    def _listing(self, name: str) -> Listing:
        if name not in self._listings:
            known = ", ".join(sorted(self._listings))
            raise KeyError(f"There is no listing {name!r}; there are {known}.")
        return self._listings[name]
