"""The dashboard: a page that shows the data folder, and the server that it is read from."""

from pipelines.dashboard.chart_query import ChartQuery, UnknownChartError, chart_names, chart_query
from pipelines.dashboard.chart_rows import ChartRows, encode
from pipelines.dashboard.dashboard_data import DashboardData
from pipelines.dashboard.page_files import page_file
from pipelines.dashboard.scope import (
    Compare,
    DashboardDevice,
    Period,
    Scope,
    ScopeError,
    scope_of,
)
from pipelines.dashboard.web_app import dashboard_app

__all__ = [
    "ChartQuery",
    "ChartRows",
    "Compare",
    "DashboardData",
    "DashboardDevice",
    "Period",
    "Scope",
    "ScopeError",
    "UnknownChartError",
    "chart_names",
    "chart_query",
    "dashboard_app",
    "encode",
    "page_file",
    "scope_of",
]
