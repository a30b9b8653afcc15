"""The simulator's own paths, /_simulator/…: tests in another process look in and give orders here.

Belongs here: the Python API of ``Simulator`` as JSON over HTTP. No token, no limit, not logged;
answers only to loopback. Does not belong here: the client for it (``control``).
"""

import base64
import datetime as dt
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from simulator.answers import Answer, ApiError, json_answer
from simulator.http_request import Request

if TYPE_CHECKING:
    from simulator.simulator import Simulator

CONTROL_PREFIX = "/_simulator"


class ControlApi:
    """Serves the control paths of one simulator."""

    def __init__(self, simulator: "Simulator") -> None:
        """Looks into ``simulator`` at each request."""
        self._simulator = simulator
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], object]] = {
            ("GET", ""): self._about,
            ("GET", "/requests"): self._requests,
            ("DELETE", "/requests"): lambda given: simulator.clear_requests(),
            ("GET", "/stats"): lambda given: simulator.stats(),
            ("GET", "/truth"): lambda given: simulator.truth(given["serial"], given["date"]),
            ("GET", "/odd-rows"): lambda given: simulator.odd_rows(given["serial"], given["date"]),
            ("PUT", "/rows"): lambda given: simulator.set_rows(**given),
            ("PUT", "/truth-of"): self._truth_of,
            ("PUT", "/listing"): lambda given: simulator.set_listing(**given),
            ("PUT", "/offline"): lambda given: simulator.take_offline(**_with_moment(given)),
            ("PUT", "/online"): lambda given: simulator.bring_online(**_with_moment(given)),
            ("POST", "/replace-battery"): lambda given: simulator.replace_battery(**given),
            ("POST", "/update-firmware"): lambda given: simulator.update_firmware(**given),
            ("PUT", "/clock"): self._clock,
            ("PUT", "/faults"): lambda given: simulator.set_faults(**given),
            ("PUT", "/settings"): lambda given: simulator.configure(**given),
            ("POST", "/fail"): lambda given: simulator.fail(**given),
            ("POST", "/override"): self._override,
            ("DELETE", "/failures"): lambda given: simulator.clear_failures(),
            ("POST", "/spend"): lambda given: simulator.spend(**given),
            ("POST", "/warm"): lambda given: simulator.warm(**given),
        }

    def handle(self, request: Request) -> Answer:
        """200 with the result as JSON (requests: JSON lines); 400 or 404 with a sentence."""
        if not ipaddress.ip_address(request.peer[0]).is_loopback:
            return json_answer(403, {"message": "The control paths answer only to loopback."})
        path = request.path.removeprefix(CONTROL_PREFIX).rstrip("/")
        route = self._routes.get((request.method, path))
        if route is None:
            return json_answer(404, {"message": f"No control path {request.method} {path}."})
        try:
            given = orjson.loads(request.body) if request.body else dict(request.query)
            result = route(given)
        except (ApiError, KeyError, TypeError, ValueError) as error:
            return json_answer(400, {"message": f"{type(error).__name__}: {error}"})
        return result if isinstance(result, Answer) else json_answer(200, result)

    def _about(self, given: dict[str, Any]) -> object:
        simulator = self._simulator
        return {
            "base_url": simulator.base_url,
            "token": simulator.token,
            "account": simulator.account,
            "serials": simulator.serials,
            "ems_serials": simulator.ems_serials,
            "devices": simulator.devices,
            "charger_uuids": simulator.charger_uuids,
            "smart_device_uuids": simulator.smart_device_uuids,
        }

    def _requests(self, given: dict[str, Any]) -> Answer:
        lines = (orjson.dumps(record) for record in self._simulator.requests)
        return Answer(200, b"".join(b"%b\n" % line for line in lines), "application/x-ndjson")

    def _truth_of(self, given: dict[str, Any]) -> object:
        return self._simulator.truth_of(given["listing"], given["device_id"], **given["parameters"])

    def _clock(self, given: dict[str, Any]) -> None:
        text = given["clock"]
        self._simulator.set_clock(None if text is None else dt.datetime.fromisoformat(text))

    def _override(self, given: dict[str, Any]) -> None:
        body = base64.b64decode(given.pop("body_base64"))
        self._simulator.override(body=body, **given)


def _with_moment(given: dict[str, Any]) -> dict[str, Any]:
    """The order of ``take_offline`` or ``bring_online`` with its time read."""
    moments = {"since", "at"} & given.keys()
    return given | {name: dt.datetime.fromisoformat(given[name]) for name in moments}
