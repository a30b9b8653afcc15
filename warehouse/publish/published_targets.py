"""Where a data folder was published to, and under which names: noted in the folder's state.

What was published is known from each target; this note only says which targets to look into when
a device is forgotten, and under which earlier names of the account.
"""

from __future__ import annotations

from warehouse.lake import Lake

STATE = "published_to"


class PublishedTargets:
    """The targets of a data folder, and the names that its rows have in each."""

    def __init__(self, lake: Lake) -> None:
        """Refer to the folder's state."""
        self._lake = lake

    def all(self) -> dict[str, list[str]]:
        """Return the names of the account in each target."""
        noted = self._lake.state.get(STATE)
        if not isinstance(noted, dict):
            return {}
        return {
            url: [str(name) for name in names]
            for url, names in noted.items()
            if isinstance(names, list)
        }

    def former_names(self, url: str, account: str) -> list[str]:
        """Return the other names under which rows may be in a target."""
        return [name for name in self.all().get(url, []) if name != account]

    def add(self, url: str, account: str) -> None:
        """Note that rows are published under a name, before they are."""
        names = self.all().get(url, [])
        if account not in names:
            self._set(url, [*names, account])

    def keep_only(self, url: str, account: str) -> None:
        """Note that a target has no rows under other names any more."""
        if self.all().get(url) != [account]:
            self._set(url, [account])

    def remove(self, url: str) -> None:
        """Note that a target has no rows of the folder any more."""
        self._set(url, None)

    def _set(self, url: str, names: list[str] | None) -> None:
        noted = self.all()
        noted.pop(url, None)
        if names is not None:
            noted[url] = names
        self._lake.state.update(STATE, lambda _: noted or None)
