"""Tables: their contract, the law of puts, and their files. Nothing here knows of GivEnergy."""

from warehouse.interface.table_spec import PROVENANCE, History, TableSpec
from warehouse.tables.merge import Merged, merge
from warehouse.tables.scd2 import Folded, Listing, fold

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
