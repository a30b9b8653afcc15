"""Whether a data folder has the history that what is published of it was computed from.

A new machine, whose history is not fetched yet, would replace figures of years by nulls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake
from warehouse.publish.delta_log import files_of
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.lake_tables import table_parts
from warehouse.publish.published_views import PublishedView
from warehouse.publish.table_publication import TablePublisher


class InputHistory:
    """Compares the tables that views read with the target, each once, as far as it has them."""

    def __init__(
        self,
        lake: Lake,
        target: DeltaTarget,
        publisher: TablePublisher,
        tables: Mapping[str, tuple[str, TableSpec]],
        published: Collection[str],
    ) -> None:
        """Compare nothing yet.

        Args:
            lake: The data folder.
            target: The target.
            publisher: Knows the names of the account in the target.
            tables: Datasets and specifications of the folder's tables, by name.
            published: Tables that are in the target as they are in the folder.
        """
        self._lake, self._target, self._publisher = lake, target, publisher
        self._tables = tables
        self._is_lacking = dict.fromkeys(published, False)

    def lacking(self, view: PublishedView) -> str | None:
        """Return a table that a view reads and the folder lacks rows of; None if it has all.

        Raises:
            TargetError: The target cannot be read.
        """
        for name in view.tables:
            if name not in self._is_lacking:
                self._is_lacking[name] = self._lacks(name)
        return next((name for name in view.tables if self._is_lacking[name]), None)

    def _lacks(self, name: str) -> bool:
        with self._target.explained(f"Reading {name}"):
            held = self._target.open(name)
            own = self._publisher.own_names(held)
            months = {file.month for file in files_of(held) if file.account in own}
        dataset, spec = self._tables[name]
        parts = table_parts(self._lake, dataset, spec) or []
        return not months <= {part.month for part in parts}
