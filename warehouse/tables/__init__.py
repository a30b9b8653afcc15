"""Tables: their contract, the law of puts, and their files. Nothing here knows of GivEnergy."""

from warehouse.tables.merge import Merged, merge
from warehouse.tables.scd2 import Folded, Listing, fold
from warehouse.tables.spec import PROVENANCE, History, TableSpec

__all__ = [
    "PROVENANCE",
    "Folded",
    "History",
    "Listing",
    "Merged",
    "TableSpec",
    "fold",
    "merge",
]
