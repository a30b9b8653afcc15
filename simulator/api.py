"""From a request to an answer: log, token, limit, fault, scope, endpoint, in the vendor's order.

Belongs here: what is the same for all endpoints. Does not belong here: a single endpoint
(``endpoints``), the simulator's own control paths (``control_api``).
"""

import datetime as dt
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import format_datetime

from simulator.answers import Answer, ApiError, Delivery
from simulator.config import TokenGrant
from simulator.endpoints import Call, Endpoint, Router
from simulator.faults import HTML, FaultPlan, status_answer
from simulator.http_request import Request
from simulator.noise import one_uniform
from simulator.rate_limit import RateLimits, Verdict
from simulator.request_log import RequestLog, RequestRecord, kept_headers
from simulator.world import World

BodyMaker = Callable[[Request], bytes]


@dataclass(slots=True)
class Override:
    """An order to answer paths in which ``pattern`` is found with something else."""

    pattern: re.Pattern[str]
    body: bytes | BodyMaker
    status: int
    content_type: str
    left: int | None


class Api:
    """Answers requests below /v1."""

    def __init__(self, world: World, plan: FaultPlan, log: RequestLog) -> None:
        """Limits start unused."""
        self.world = world
        self.plan = plan
        self.log = log
        self.limits = RateLimits(world.config.rate_limit, world.config.rate_window_s)
        self.overrides: list[Override] = []
        self._router = Router()
        for name, make in self._router.listings.items():
            world.listings.add(name, make(world))
        self._grants = {grant.token: grant for grant in world.config.tokens}

    def handle(self, request: Request) -> tuple[Answer, Callable[[bool], None]]:
        """The answer, after the latency, and what to call once it was (not) sent whole."""
        record = RequestRecord(
            received_at=request.received_at,
            received_wall=request.received_wall,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=kept_headers(request.headers),
            client=request.headers.get("x-client") or request.headers.get("user-agent", ""),
            client_port=request.peer[1],
        )
        self.log.add(record)
        answer = self._answer(request, record)
        self._wait(request, record.number)
        record.status = answer.status
        record.duration_s = time.monotonic() - request.received_at
        # Set before sending, so that whoever holds the answer finds the record finished.
        record.complete = answer.delivery == Delivery()

        def delivered(whole: bool) -> None:
            record.complete = whole
            record.duration_s = time.monotonic() - request.received_at

        return answer, delivered

    def rehearse(self, path: str, page_size: str) -> None:
        """Lets the home account's GET fill the cache, unlogged and uncounted."""
        request = Request(
            method="GET",
            target=path,
            path=path,
            query={"pageSize": page_size},
            headers={"accept-encoding": "gzip"},
            body=b"",
            peer=("", 0),
        )
        endpoint, parameters = self._router.find("GET", path)
        endpoint.handle(Call(self.world, self.world.home, request, parameters))

    def _wait(self, request: Request, number: int) -> None:
        config = self.world.config
        jitter = config.latency_jitter_s
        latency = config.latency_s
        if jitter:
            latency += jitter * one_uniform("latency", config.seed, number)
        left = request.received_at + latency - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _answer(self, request: Request, record: RequestRecord) -> Answer:
        found: tuple[Endpoint, dict[str, str]] | ApiError
        try:
            found = self._router.find(request.method, request.path)
        except ApiError as error:
            found = error
        self._note_command(request, found)
        self.world.tick()
        grant = self._grant(request)
        own_limit = None if isinstance(found, ApiError) else found[0].own_limit
        record.budget = _budget(request, grant, found)
        verdict = self.limits.budget(record.budget, own_limit).count()
        record.window, record.remaining = verdict.window, verdict.remaining
        if not verdict.allowed:
            return self._with_limit(status_answer(429), verdict)
        fault = self.plan.choose(record.number, request.target)
        try:
            answer = self._respond(request, grant, found)
        except ApiError as error:
            answer = error.answer()
        if fault is not None:
            record.fault = fault
            answer = self.plan.spoil(fault, answer, record.number)
        return answer if answer.bare else self._with_limit(answer, verdict)

    def _note_command(
        self, request: Request, found: tuple[Endpoint, dict[str, str]] | ApiError
    ) -> None:
        if isinstance(found, ApiError):
            commanded = request.method not in ("GET", "HEAD", "OPTIONS")
        else:
            commanded = not found[0].reads
        if commanded:
            self.log.command(request.method, request.path)

    def _grant(self, request: Request) -> TokenGrant | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._grants.get(token.strip()) if scheme.lower() == "bearer" else None

    def _with_limit(self, answer: Answer, verdict: Verdict) -> Answer:
        headers = {
            **answer.headers,
            "Date": format_datetime(self.world.now().astimezone(dt.UTC), usegmt=True),
            "X-RateLimit-Limit": str(verdict.limit),
            "X-RateLimit-Remaining": str(verdict.remaining),
        }
        if not verdict.allowed and self.world.config.retry_after:
            headers["Retry-After"] = str(max(int(verdict.reset_in_s + 0.999), 1))
        return replace(answer, headers=headers)

    def _respond(
        self,
        request: Request,
        grant: TokenGrant | None,
        found: tuple[Endpoint, dict[str, str]] | ApiError,
    ) -> Answer:
        if "application/json" not in request.headers.get("accept", ""):
            # Contract: without this header the answer may be no valid data.
            return Answer(200, HTML, content_type="text/html; charset=UTF-8")
        if grant is None:
            return status_answer(401)
        if not self.world.config.subscription:
            return status_answer(402)
        if isinstance(found, ApiError):
            raise found
        endpoint, parameters = found
        if endpoint.name in self.world.config.unavailable:
            raise ApiError(404, f"The route {request.path.lstrip('/')} could not be found.")
        if grant.scopes is not None and not endpoint.scopes <= grant.scopes:
            raise ApiError(403, "Invalid scope(s) provided.")
        account = self.world.accounts[grant.account]
        if not endpoint.admits(account):
            raise ApiError(403, "This action is unauthorized.")
        replaced = self._overridden(request)
        if replaced is not None:
            return replaced
        return endpoint.handle(Call(self.world, account, request, parameters))

    def _overridden(self, request: Request) -> Answer | None:
        for override in self.overrides:
            if override.left == 0 or not override.pattern.search(request.target):
                continue
            if override.left is not None:
                override.left -= 1
            body = override.body if isinstance(override.body, bytes) else override.body(request)
            return Answer(override.status, body, content_type=override.content_type)
        return None


def _budget(
    request: Request,
    grant: TokenGrant | None,
    found: tuple[Endpoint, dict[str, str]] | ApiError,
) -> str:
    """The name of the budget that a request spends from."""
    if grant is None:
        return f"stranger {request.peer[0]}"
    if not isinstance(found, ApiError) and found[0].own_limit is not None:
        return f"account {grant.account} {found[0].method} {found[0].path}"
    return f"account {grant.account}"
