"""The simulator's own paths, /_simulator/…, by which other processes control it.

Belongs here: the Python API of `Simulation` as JSON over HTTP, without token, limit or log, for
loopback only. Does not belong here: the client for it (`control`).
"""

import base64
import datetime as dt
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from simulator.http.messages import ApiError, HttpRequest, HttpResponse, json_response
from simulator.simulation import Simulation

CONTROL_PREFIX = "/_simulator"


class ControlApi:
    """Serves the control paths of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        """Control `simulation`."""
        self._simulation = simulation
        self._routes: dict[tuple[str, str], Callable[..., object]] = {
            ("GET", ""): self._about,
            ("GET", "/requests"): self._requests,
            ("DELETE", "/requests"): simulation.clear_requests,
            ("GET", "/stats"): simulation.stats,
            ("GET", "/truth"): simulation.truth,
            ("GET", "/anomalous-rows"): simulation.anomalous_rows,
            ("PUT", "/rows"): simulation.set_rows,
            ("PUT", "/truth-of"): self._truth_of,
            ("PUT", "/listing"): simulation.set_listing,
            ("PUT", "/offline"): self._take_offline,
            ("PUT", "/online"): self._bring_online,
            ("POST", "/replace-battery"): simulation.replace_battery,
            ("POST", "/update-firmware"): simulation.update_firmware,
            ("PUT", "/preset"): self._set_preset,
            ("PUT", "/setting"): simulation.set_setting,
            ("PUT", "/device-state"): simulation.set_device_state,
            ("PUT", "/clock"): self._set_clock,
            ("PUT", "/faults"): simulation.set_faults,
            ("PUT", "/settings"): simulation.configure,
            ("POST", "/fail"): simulation.fail,
            ("POST", "/override"): self._override,
            ("DELETE", "/failures"): simulation.clear_failures,
            ("POST", "/spend"): simulation.spend,
            ("POST", "/warm"): simulation.warm,
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return 200 with the result as JSON, or 400, 403 or 404 with a message."""
        if not ipaddress.ip_address(request.peer[0]).is_loopback:
            return json_response(403, {"message": "The control paths are served to loopback only."})
        path = request.path.removeprefix(CONTROL_PREFIX).rstrip("/")
        method = self._routes.get((request.method, path))
        if method is None:
            return json_response(404, {"message": f"No control path {request.method} {path}."})
        try:
            arguments = msgspec.json.decode(request.body) if request.body else request.query
            result = method(**arguments)
        except (ApiError, KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
            return json_response(400, {"message": f"{type(error).__name__}: {error}"})
        return result if isinstance(result, HttpResponse) else json_response(200, result)

    def _about(self) -> object:
        simulation = self._simulation
        return {
            "base_url": simulation.base_url,
            "token": simulation.token,
            "account": simulation.account,
            "serials": simulation.serials,
            "ems_serials": simulation.ems_serials,
            "devices": simulation.devices,
            "charger_uuids": simulation.charger_uuids,
            "smart_device_uuids": simulation.smart_device_uuids,
        }

    def _requests(self) -> HttpResponse:
        lines = msgspec.json.Encoder().encode_lines(self._simulation.requests)
        return HttpResponse(200, lines, "application/x-ndjson")

    def _truth_of(self, listing: str, device_id: str, parameters: Mapping[str, Any]) -> object:
        return self._simulation.truth_of(listing, device_id, **parameters)

    def _take_offline(self, uuid: str, since: str | None = None) -> None:
        self._simulation.take_offline(uuid, _time(since))

    def _bring_online(self, uuid: str, at: str | None = None) -> None:
        self._simulation.bring_online(uuid, _time(at))

    def _set_preset(self, at: str | None = None, **preset: Any) -> None:
        self._simulation.set_preset(**preset, at=_time(at))

    def _set_clock(self, clock: str | None) -> None:
        self._simulation.set_clock(_time(clock))

    def _override(self, body_base64: str, **settings: Any) -> None:
        self._simulation.override(body=base64.b64decode(body_base64), **settings)


def _time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
