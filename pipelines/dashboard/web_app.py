"""The web application of the dashboard: the page, its files, and its data as JSON."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from givenergy.server_clock import utc_now
from pipelines.dashboard.account_summary import ingestion_state
from pipelines.dashboard.chart_query import UnknownChartError, chart_query
from pipelines.dashboard.chart_rows import encode
from pipelines.dashboard.dashboard_data import DashboardData
from pipelines.dashboard.page_files import fingerprint, page_file
from pipelines.dashboard.scope import ScopeError
from pipelines.dashboard.web_security import Guard
from pipelines.settings_file import SettingsError
from warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelines.settings import Settings

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_FILES = {
    "dashboard.js": "dashboard.js",
    "styles.css": "styles.css",
    "echarts.min.js": "vendor/echarts.min.js",
}
_FORMATS = ("json", "csv", "parquet")
_KNOWN = ("of", "period", "date", "compare", "names", "format", "capital")
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LOG = logging.getLogger(__name__)
_Handler = Callable[[DashboardData, Request], Response]


def dashboard_app(settings: Settings, *, is_local: bool = True, **options: float) -> Starlette:
    """Return the application.

    Args:
        settings: Where the data folder is.
        is_local: Whether it listens on the loopback address only.
        options: Those of `FolderReader`.
    """
    data = DashboardData(settings, **options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        data.close()

    def route(path: str, handler: _Handler) -> Route:
        return Route(path, partial(_answered, handler, data), methods=["GET"])

    app = Starlette(
        routes=[
            route("/", _page),
            route("/static/{name}", _static),
            route("/api/about", _about),
            route("/api/charts", _charts),
            route("/api/charts/{name}", _chart),
            route("/api/now", partial(_now, settings)),
        ],
        middleware=[
            Middleware(Guard, is_local=is_local),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6),
        ],
        lifespan=lifespan,
    )
    app.state.data = data
    return app


def _answered(handler: _Handler, data: DashboardData, request: Request) -> Response:
    """Answer a request; what is wrong with it is one sentence."""
    try:
        return handler(data, request)
    except (ScopeError, UnknownChartError) as error:
        return _json({"error": str(error)}, 400)
    except FileNotFoundError:
        return _json({"error": f"There is no {request.url.path} here."}, 404)
    except (WarehouseError, SettingsError) as error:
        return _json({"error": str(error)}, 503)
    except Exception as error:
        _LOG.exception("%s", request.url.path)
        return _json({"error": f"The dashboard has a fault: {type(error).__name__}: {error}"}, 500)


def _page(_: DashboardData, request: Request) -> Response:
    content = page_file("index.html").decode()
    for name, file in _FILES.items():
        with suppress(FileNotFoundError):
            content = content.replace(f"/static/{name}", f"/static/{name}?v={fingerprint(file)}")
    return Response(content, media_type=_TYPES["html"], headers={"Cache-Control": "no-cache"})


def _static(_: DashboardData, request: Request) -> Response:
    name = _FILES.get(request.path_params["name"])
    if name is None:
        raise FileNotFoundError
    return _file(request, name)


def _about(data: DashboardData, request: Request) -> Response:
    _check_arguments(request, ())
    return _json(data.about())


def _charts(data: DashboardData, request: Request) -> Response:
    _check_arguments(request, _KNOWN)
    arguments = request.query_params
    names = [name for name in arguments.get("names", "").split(",") if name]
    for name in names:
        chart_query(name, "site", "GBP")
    scope, shown = data.scope(arguments)
    return _json({"scope": shown, "charts": data.charts(names, scope, arguments)})


def _chart(data: DashboardData, request: Request) -> Response:
    _check_arguments(request, _KNOWN)
    arguments = request.query_params
    name = request.path_params["name"]
    layout = arguments.get("format", "json")
    if layout not in _FORMATS:
        raise ScopeError(f"format={layout!r} is unknown: use one of {', '.join(_FORMATS)}.")
    chart_query(name, "site", "GBP")
    scope, shown = data.scope(arguments)
    if layout == "json":
        return _json({"scope": shown, "charts": data.charts([name], scope, arguments)})
    is_csv = layout == "csv"
    content = (
        data.rows(name, scope, arguments).as_csv()
        if is_csv
        else data.parquet(name, scope, arguments)
    )
    device = "none" if scope.device is None else scope.device.device
    device = _NOT_IN_A_FILE_NAME.sub("_", device)[:60]
    file_name = f"givlake-{name}-{device}-{scope.file_part}.{layout}"
    return Response(
        content,
        media_type="text/csv; charset=utf-8" if is_csv else "application/vnd.apache.parquet",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


def _now(settings: Settings, data: DashboardData, request: Request) -> Response:
    _check_arguments(request, _KNOWN)
    scope, shown = data.scope(request.query_params)
    rows = data.rows("now", scope, request.query_params)
    return _json(
        {
            "data_version": shown["data_version"],
            "ingestion": ingestion_state(settings, utc_now()),
            "now": rows.columns,
        }
    )


def _check_arguments(request: Request, known: tuple[str, ...]) -> None:
    for name in request.query_params:
        if name not in known:
            advice = f"use some of {', '.join(known)}" if known else "leave it out"
            raise ScopeError(f"The argument {name!r} is unknown: {advice}.")


def _file(request: Request, name: str) -> Response:
    content = page_file(name)
    etag = f'"{fingerprint(name)}"'
    # An address with the fingerprint never gets other content.
    is_fixed = request.query_params.get("v") == fingerprint(name)
    headers = {
        "ETag": etag,
        "Cache-Control": "max-age=31536000, immutable" if is_fixed else "no-cache",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def _json(answer: object, status: int = 200) -> Response:
    return Response(encode(answer), status, media_type="application/json")
