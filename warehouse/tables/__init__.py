"""Tables: their contract, the law of puts, and their files. Nothing here knows of GivEnergy."""

from warehouse.tables.history import Folded, Listing, fold
from warehouse.tables.merge import Merged, merge
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
