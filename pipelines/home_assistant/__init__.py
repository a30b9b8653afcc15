"""Long-term statistics for Home Assistant: hourly energies and costs as files to import.

`statistics_export` chooses the sites and devices, `hourly_values` reads the marts,
`statistics_files` writes the files and `dashboard_guide` the text beside them.
"""

from pipelines.home_assistant.dashboard_guide import GUIDE
from pipelines.home_assistant.statistics_export import NothingToExportError, export_statistics

__all__ = ["GUIDE", "NothingToExportError", "export_statistics"]
