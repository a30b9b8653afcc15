"""Which devices an export or a manifest is limited to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from warehouse.attached_database import quoted

# Of the views that are exported as tables.
_VIEW_COLUMN = "device_id"


@dataclass(frozen=True, slots=True)
class DeviceLimit:
    """The devices to include.

    Attributes:
        device_ids: IDs of the devices; None for all.
        columns: By table, the column with the device that a row is about. Tables without one are
            about the account and are included whole.
    """

    device_ids: tuple[str, ...] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def includes(self, device_id: str) -> bool:
        """Return whether a device is included; the account ("") only if all are."""
        return self.device_ids is None or device_id in self.device_ids

    def table_condition(self, table: str) -> str:
        """Return the SQL condition for the rows of a table."""
        return self._condition(self.columns.get(table))

    def view_condition(self, columns: Collection[str]) -> str:
        """Return the SQL condition for the rows of a view with these columns."""
        return self._condition(_VIEW_COLUMN if _VIEW_COLUMN in columns else None)

    def _condition(self, column: str | None) -> str:
        if self.device_ids is None or column is None:
            return "true"
        ids = ", ".join(f"'{quoted(device_id)}'" for device_id in self.device_ids)
        return f'"{column}" IN ({ids})'
