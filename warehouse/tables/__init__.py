"""Tables: their contract, the law of puts, and their files. Nothing here knows of GivEnergy."""

from warehouse.tables.merge import Merged, merge
from warehouse.tables.spec import PROVENANCE, TableSpec

__all__ = ["PROVENANCE", "Merged", "TableSpec", "merge"]
