"""From a request to a response: log, token, limit, fault, scope, endpoint, in the vendor's order.

Belongs here: routing and what is the same for all endpoints. Does not belong here: a single
endpoint (`endpoints`), the simulator's own control paths (`control_api`).
"""

import datetime as dt
import importlib
import pkgutil
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import format_datetime

from simulator import endpoints
from simulator.config import TokenGrant
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import ListingRegistry, SimulatedListing
from simulator.http.faults import HTML, FaultPlan, status_response
from simulator.http.messages import ApiError, Delivery, HttpRequest, HttpResponse
from simulator.http.rate_limit import LimitDecision, RateLimits
from simulator.http.request_log import RequestLog, RequestRecord, redact_headers
from simulator.seeded_random import uniform_of
from simulator.world.cloud_state import CloudState

BodyMaker = Callable[[HttpRequest], bytes]
Route = tuple[ApiEndpoint, dict[str, str]]


@dataclass(slots=True)
class Override:
    """A replacement for the response to paths in which `pattern` is found."""

    pattern: re.Pattern[str]
    body: bytes | BodyMaker
    status: int
    content_type: str
    left: int | None


class Router:
    """Finds the endpoint for a method and path."""

    def __init__(self) -> None:
        """Collect the endpoints and listings of all modules in `simulator.endpoints`."""
        self._routes: list[tuple[re.Pattern[str], ApiEndpoint]] = []
        self.listings: dict[str, type[SimulatedListing]] = {}
        for info in pkgutil.iter_modules(endpoints.__path__, f"{endpoints.__name__}."):
            module = importlib.import_module(info.name)
            self._routes += [(endpoint.pattern(), endpoint) for endpoint in module.ENDPOINTS]
            self.listings |= module.LISTINGS

    def find(self, method: str, path: str) -> Route:
        """Return the endpoint and its path parameters. Raises `ApiError` 404 or 405."""
        others = []
        for pattern, endpoint in self._routes:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if endpoint.method == method:
                return endpoint, match.groupdict()
            others.append(endpoint.method)
        if others:
            raise ApiError(405, f"{method} is not supported here; use {', '.join(others)}.")
        raise ApiError.no_route(path)


class Api:
    """Responds to requests below /v1."""

    def __init__(self, state: CloudState, plan: FaultPlan, log: RequestLog) -> None:
        """Start with unused limits."""
        self.state = state
        self.plan = plan
        self.log = log
        self.limits = RateLimits(state.config.rate_limit, state.config.rate_window_s)
        self.overrides: list[Override] = []
        self._router = Router()
        self.listings = ListingRegistry(
            {name: listing(state) for name, listing in self._router.listings.items()}
        )
        self._grants = {grant.token: grant for grant in state.config.tokens}

    def handle(self, request: HttpRequest) -> tuple[HttpResponse, Callable[[bool], None]]:
        """Return the response, after the latency, and what to call with whether it was sent."""
        record = RequestRecord(
            received_at=request.received_at,
            received_wall=request.received_wall,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=redact_headers(request.headers),
            client=request.headers.get("x-client") or request.headers.get("user-agent", ""),
            client_port=request.peer[1],
            target=request.target,
        )
        self.log.add(record)
        response = self._response(request, record)
        self._wait(request, record.number)
        record.status = response.status
        record.duration_s = time.monotonic() - request.received_at
        # Set before sending, so that a client that has the response finds the record complete.
        record.complete = response.delivery == Delivery()

        def sent(complete: bool) -> None:
            record.complete = complete
            record.duration_s = time.monotonic() - request.received_at

        return response, sent

    def fill_cache(self, path: str, page_size: str) -> None:
        """Make the response to the first account's GET, without logging or counting it."""
        request = HttpRequest(
            method="GET",
            target=path,
            path=path,
            query={"pageSize": page_size},
            headers={"accept-encoding": "gzip"},
            body=b"",
            peer=("", 0),
        )
        endpoint, parameters = self._router.find("GET", path)
        account = self.state.first_account
        endpoint.handle(ApiCall(self.state, self.listings, account, request, parameters))

    def _wait(self, request: HttpRequest, number: int) -> None:
        config = self.state.config
        latency = config.latency_s
        if config.latency_jitter_s:
            latency += config.latency_jitter_s * uniform_of("latency", config.seed, number)
        left = request.received_at + latency - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _response(self, request: HttpRequest, record: RequestRecord) -> HttpResponse:
        route: Route | ApiError
        try:
            route = self._router.find(request.method, request.path)
        except ApiError as error:
            route = error
        self._note_command(request, route)
        self.state.advance_clock()
        grant = self._grant(request)
        own_limit = None if isinstance(route, ApiError) else route[0].own_limit
        record.budget = _budget_name(request, grant, route)
        decision = self.limits.budget(record.budget, own_limit).count()
        record.window, record.remaining = decision.window, decision.remaining
        if not decision.allowed:
            return self._with_limit(status_response(429), decision)
        fault = self.plan.choose(record.number, request.target)
        try:
            response = self._response_before_faults(request, grant, route)
        except ApiError as error:
            response = error.response()
        if fault is not None:
            record.fault = fault
            response = self.plan.apply(fault, response, record.number)
        return response if response.bare else self._with_limit(response, decision)

    def _note_command(self, request: HttpRequest, route: Route | ApiError) -> None:
        if isinstance(route, ApiError):
            is_command = request.method not in ("GET", "HEAD", "OPTIONS")
        else:
            is_command = not route[0].reads
            if route[0].asks_device:
                self.log.add_device_read(request.method, request.path)
        if is_command:
            self.log.add_command(request.method, request.path)

    def _grant(self, request: HttpRequest) -> TokenGrant | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._grants.get(token.strip()) if scheme.lower() == "bearer" else None

    def _with_limit(self, response: HttpResponse, decision: LimitDecision) -> HttpResponse:
        headers = {
            **response.headers,
            "Date": format_datetime(self.state.now().astimezone(dt.UTC), usegmt=True),
            "X-RateLimit-Limit": str(decision.limit),
            "X-RateLimit-Remaining": str(decision.remaining),
        }
        if not decision.allowed and self.state.config.retry_after:
            headers["Retry-After"] = str(max(int(decision.reset_in_s + 0.999), 1))
        return replace(response, headers=headers)

    def _response_before_faults(
        self, request: HttpRequest, grant: TokenGrant | None, route: Route | ApiError
    ) -> HttpResponse:
        """Return the response before faults. Raises `ApiError`."""
        if "application/json" not in request.headers.get("accept", ""):
            # Contract: without this header the response may be no valid data.
            return HttpResponse(200, HTML, content_type="text/html; charset=UTF-8")
        if grant is None:
            return status_response(401)
        if not self.state.config.subscription:
            return status_response(402)
        if isinstance(route, ApiError):
            raise route
        endpoint, parameters = route
        config = self.state.config
        if endpoint.name in config.unavailable or not config.has_version(endpoint.since):
            raise ApiError.no_route(request.path)
        if (refusal := self.state.config.refused.get(endpoint.name)) is not None:
            status, _, kind = refusal.partition(" ")
            return status_response(int(status), html=kind == "html")
        if grant.scopes is not None and not endpoint.scopes <= grant.scopes:
            raise ApiError(403, "Invalid scope(s) provided.")
        account = self.state.accounts[grant.account]
        if not endpoint.admits(account):
            raise ApiError.unauthorized()
        return self._overridden(request) or endpoint.handle(
            ApiCall(self.state, self.listings, account, request, parameters)
        )

    def _overridden(self, request: HttpRequest) -> HttpResponse | None:
        for override in self.overrides:
            if override.left == 0 or not override.pattern.search(request.target):
                continue
            if override.left is not None:
                override.left -= 1
            body = override.body if isinstance(override.body, bytes) else override.body(request)
            return HttpResponse(override.status, body, content_type=override.content_type)
        return None


def _budget_name(request: HttpRequest, grant: TokenGrant | None, route: Route | ApiError) -> str:
    """Return the name of the budget that a request counts against."""
    if grant is None:
        return f"unauthenticated {request.peer[0]}"
    if not isinstance(route, ApiError) and route[0].own_limit is not None:
        return f"account {grant.account} {route[0].method} {route[0].path}"
    return f"account {grant.account}"
