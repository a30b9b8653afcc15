"""Exports: what is stored, in files that need nothing of givlake.

``tables`` and ``bodies`` say what is exported, ``sinks`` how rows become files, ``target`` how an
export appears whole or not at all. Nothing here knows what the values mean.
"""

from warehouse.export.body_export import export_bodies
from warehouse.export.table_export import ExportLayout, ExportReport, export_tables

__all__ = ["ExportLayout", "ExportReport", "export_bodies", "export_tables"]
