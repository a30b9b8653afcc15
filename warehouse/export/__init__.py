"""Exports of the stores as standalone files.

`table_export` and `body_export` select what is exported; `sinks` writes rows to files, and `target`
makes an export appear atomically.
"""

from warehouse.export.body_export import export_bodies
from warehouse.export.table_export import ExportLayout, ExportReport, export_tables
from warehouse.interface.device_limit import DeviceLimit

__all__ = ["DeviceLimit", "ExportLayout", "ExportReport", "export_bodies", "export_tables"]
