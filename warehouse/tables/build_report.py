"""The limits and the result of a build."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.accounting.row_accounting import ACCOUNTING_SCHEMA
from warehouse.interface.decoder_protocol import Drift


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory and disk space that a build may use.

    Attributes:
        batch_bytes: Size of the bodies decoded at once.
        memory_bytes: Decoded rows held in memory before they are spilled to disk.
        spill_bytes: Decoded rows on disk before the build commits and continues.
    """

    batch_bytes: int = 3 << 20
    memory_bytes: int = 8 << 20
    spill_bytes: int = 2 << 30


@dataclass(slots=True)
class BuildReport:
    """The result of a build.

    Attributes:
        dataset: The dataset.
        watermark: All segments up to this one are in the tables.
        accounting: One row per response added: `rows_in` is the sum of `new`, `identical`,
            `superseding`, `superseded` and `quarantined`.
        drift: Fields, codes and types that are not in the contract.
        rebuilt_because: Why the tables were rebuilt; None if rows were appended.
        returned_from_quarantine: Quarantined rows that a rebuild put into tables.
        damage: One message per damaged file, with the action taken.
    """

    dataset: str
    watermark: int = 0
    accounting: pa.Table = field(default_factory=ACCOUNTING_SCHEMA.empty_table)
    drift: list[Drift] = field(default_factory=list)
    rebuilt_because: str | None = None
    returned_from_quarantine: int = 0
    damage: list[str] = field(default_factory=list)

    @property
    def responses(self) -> int:
        """Number of responses added."""
        return int(self.accounting.num_rows)

    def rows(self, column: str = "rows_in") -> int:
        """Return the total of a column of `accounting`, such as "new" or "quarantined"."""
        return int(pc.sum(self.accounting[column]).as_py() or 0)
