"""Where a data folder was published to, and under which names: noted in the folder's state.

What was published is known from each target; this note only says which targets to look into when
a device is forgotten, and under which earlier names of the account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warehouse.errors import TargetError
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget

STATE = "published_to"


@dataclass(frozen=True, slots=True)
class PublishedAs:
    """The names under which a data folder is in a target.

    Attributes:
        account: The present one.
        former: Earlier ones, whose rows go.
        owner: What tells it from another folder with the same name; None if that is unknown.
    """

    account: str
    former: tuple[str, ...] = ()
    owner: str | None = None


class PublishedTargets:
    """The targets of a data folder, and the names that its rows have in each."""

    def __init__(self, lake: Lake) -> None:
        """Refer to the folder's state."""
        self._lake = lake

    def all(self) -> dict[str, list[str]]:
        """Return the names of the account in each target."""
        return {url: _names(noted) for url, noted in self._noted().items()}

    def former_names(self, url: str, account: str) -> list[str]:
        """Return the other names under which rows may be in a target."""
        return [name for name in self.all().get(url, []) if name != account]

    def is_erasing(self, url: str) -> bool:
        """Return whether something is forgotten here of which a target may have old files."""
        return bool(self._noted().get(url, {}).get("is_erasing"))

    def is_safe(self, url: str) -> bool:
        """Return whether the store of a target was found to lose no commits."""
        return bool(self._noted().get(url, {}).get("is_safe"))

    def set_safe(self, url: str) -> None:
        """Note that the store of a target was found to lose no commits."""
        self._set(url, is_safe=True)

    def refuse_other_store(self, target: DeltaTarget) -> None:
        """Refuse a bucket of the same URL in another store: the first would be forgotten.

        Raises:
            TargetError: It is in another store.
        """
        noted = self._noted().get(target.url, {}).get("store", target.store)
        if noted != target.store:
            raise TargetError(
                f"{target.url} was published to in the store {noted}, and the variables name"
                f" {target.store}: use the former; if that is gone for good, or the same by another"
                " name, remove the URL from published_to in state.json"
            )

    def add(self, target: DeltaTarget, account: str) -> None:
        """Note that rows are published under a name, before they are."""
        names = self.all().get(target.url, [])
        if account not in names:
            store = {"store": target.store} if target.store else {}
            self._set(target.url, accounts=[*names, account], **store)

    def keep_only(self, url: str, account: str) -> None:
        """Note that a target has no rows under other names any more."""
        if self.all().get(url) != [account]:
            self._set(url, accounts=[account])

    def remove(self, url: str) -> None:
        """Note that a target has nothing of the folder."""
        self._lake.state.update(
            STATE, lambda _: {k: v for k, v in self._noted().items() if k != url}
        )

    def set_erasing(self, url: str, *, is_erasing: bool) -> None:
        """Note that what is forgotten here is to be removed from a target, or has been."""
        if self.is_erasing(url) != is_erasing:
            self._set(url, is_erasing=is_erasing)

    def _noted(self) -> dict[str, dict[str, Any]]:
        noted = self._lake.state.get(STATE)
        if not isinstance(noted, dict):
            return {}
        return {url: values for url, values in noted.items() if isinstance(values, dict)}

    def _set(self, url: str, **values: object) -> None:
        noted = self._noted()
        noted[url] = {**noted.get(url, {}), **values}
        self._lake.state.update(STATE, lambda _: noted)


def _names(noted: dict[str, Any]) -> list[str]:
    return [str(name) for name in noted.get("accounts", [])]
