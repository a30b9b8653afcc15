"""The web application of `givlake serve`: token, limit, routes, errors."""

from __future__ import annotations

import hmac
import logging
import math
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from givenergy.errors import UnusableNameError
from pipelines.serve.api_routes import ApiRoute, api_routes
from pipelines.serve.missing_log import MissingLog
from pipelines.serve.open_archive import ArchiveReader, OpenArchive
from pipelines.serve.request_limit import Allowance, RequestLimit
from pipelines.serve.served_request import RefusedError, ServedRequest, parameters_of
from pipelines.settings_file import SettingsError
from warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelines.settings import Settings

BASE = "/v1"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_REOPEN_EVERY_S = 15.0
_MOST_BODY_BYTES = 1 << 20
_LOG = logging.getLogger(__name__)


class ServedApi:
    """Answers the requests."""

    def __init__(self, settings: Settings, token: str, limit: int, reopen_every_s: float) -> None:
        self.reader = ArchiveReader(settings, reopen_every_s=reopen_every_s)
        self.missing = MissingLog()
        self._token = token.encode()
        self._limit = RequestLimit(limit)

    def warm_up(self) -> None:
        """Open the data folder before the first request."""
        try:
            with self.reader.reading():
                pass
        except (WarehouseError, SettingsError) as error:
            _LOG.info("%s", error)

    async def answer(self, route: ApiRoute | None, request: Request) -> Response:
        """Answer a request; route is None for a path that the API has not."""
        if not self._is_authorised(request.headers.get("authorization", "")):
            return _json(401, {"message": "Unauthenticated."})
        allowance = self._limit.count()
        if not allowance.is_allowed:
            response = _json(429, {"message": "Too Many Attempts."})
            response.headers["Retry-After"] = str(max(1, math.ceil(allowance.wait_s)))
        else:
            response = await self._answered(route, request)
        return self._with_limit(response, allowance)

    async def _answered(self, route: ApiRoute | None, request: Request) -> Response:
        try:
            if route is None:
                raise _no_route(request)
            served = await _served(route, request)
            return Response(
                await run_in_threadpool(self._read, route, served), media_type="application/json"
            )
        except RefusedError as refusal:
            return _json(refusal.status, refusal.content)
        except (WarehouseError, SettingsError) as error:
            _LOG.warning("%s", error)
            return _json(503, {"message": f"The archive cannot be read: {error}."})
        except Exception as error:
            _LOG.exception("%s", request.url.path)
            return _json(500, {"message": f"givlake serve has a fault: {type(error).__name__}."})

    def _read(self, route: ApiRoute, served: ServedRequest) -> bytes:
        with self.reader.reading() as archive:
            served = _of_archive(route, served, archive)
            return route.answer(archive, served, self.missing)

    def _is_authorised(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        given = token.strip().encode("utf-8", "replace")
        return hmac.compare_digest(given, self._token) and scheme.lower() == "bearer"

    def _with_limit(self, response: Response, allowance: Allowance) -> Response:
        response.headers["X-RateLimit-Limit"] = str(self._limit.limit)
        response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        return response


def served_app(
    settings: Settings, token: str, *, limit: int, reopen_every_s: float = _REOPEN_EVERY_S
) -> Starlette:
    """Return the application; its state has the `ServedApi` as `api`.

    Args:
        settings: Where the data folder is.
        token: The token that a request needs.
        limit: Requests per minute.
        reopen_every_s: The least time between two openings because of changed data.
    """
    api = ServedApi(settings, token, limit, reopen_every_s)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        api.reader.close()

    routes = [
        Route(BASE + route.path, partial(api.answer, route), methods=[route.method])
        for route in api_routes()
    ]
    rest = Route("/{path:path}", partial(api.answer, None), methods=_METHODS)
    app = Starlette(
        routes=[*routes, rest],
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.api = api
    return app


async def _served(route: ApiRoute, request: Request) -> ServedRequest:
    names = {name: str(value) for name, value in request.path_params.items()}
    try:
        path = request.url.path.removeprefix(BASE)
        path = route.endpoint.url_path(names) if route.endpoint is not None else path
    except UnusableNameError as error:
        raise RefusedError(404, str(error)) from None
    return ServedRequest(
        url=str(request.url.replace(query=None)),
        path=path,
        names=names,
        parameters=parameters_of(request.query_params.multi_items(), await _body(request)),
    )


def _of_archive(route: ApiRoute, served: ServedRequest, archive: OpenArchive) -> ServedRequest:
    """Return a request with the device's name as the archive writes it."""
    served = replace(served, zone=archive.zone)
    stored = archive.stored_id(served.device) if served.names else None
    if stored is None:
        return served
    names = {**served.names, next(iter(served.names)): stored}
    path = route.endpoint.url_path(names) if route.endpoint is not None else served.path
    return replace(served, names=names, path=path, is_known=True)


async def _body(request: Request) -> Mapping[str, Any]:
    """Return the JSON object of a request, which a GET of the API can have as well."""
    if int(request.headers.get("content-length") or 0) > _MOST_BODY_BYTES:
        raise RefusedError(413, "The body of the request is too large.")
    try:
        content = msgspec.json.decode(await request.body() or b"{}")
    except msgspec.DecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _no_route(request: Request) -> RefusedError:
    path = request.url.path
    if request.method in ("GET", "HEAD"):
        return RefusedError(404, f"The route {path.lstrip('/')} could not be found.")
    return RefusedError(
        403, "This action is unauthorized: givlake serve answers from an archive and only reads."
    )


def _json(status: int, content: object) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
