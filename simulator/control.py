"""Control of a simulator that runs in another process.

Belongs here: the client of the /_simulator paths. Does not belong here: what the calls do (see
`simulator.Simulation`, whose methods these mirror).
"""

import base64
import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from simulator.control_api import CONTROL_PREFIX


class ControlError(Exception):
    """The simulator refused a call, or could not be reached; the message says why."""


class Control:
    """Controls the simulator at `url`, its base URL."""

    def __init__(self, url: str, *, timeout_s: float = 300.0) -> None:
        """Make no request yet."""
        root = url.rstrip("/").removesuffix("/v1").removesuffix(CONTROL_PREFIX)
        self._root = root + CONTROL_PREFIX
        self._timeout_s = timeout_s
        # An HTTP proxy of the environment must not be used for loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def about(self) -> dict[str, Any]:
        """Return `base_url`, `token`, `account`, `devices`, serial numbers and UUIDs."""
        about: dict[str, Any] = self._ask("GET", "")
        return about

    def requests(self) -> list[dict[str, Any]]:
        """Return the request log as dictionaries, in the order of arrival."""
        lines = self._send("GET", "/requests", None).splitlines()
        return [json.loads(line) for line in lines]

    def clear_requests(self) -> None:
        """Empty the request log."""
        self._ask("DELETE", "/requests")

    def stats(self) -> dict[str, Any]:
        """Return counts, received commands and windows."""
        stats: dict[str, Any] = self._ask("GET", "/stats")
        return stats

    def truth(self, serial: str, date: dt.date | str) -> list[Any]:
        """Return the rows of a complete response for a path date at the simulator's present."""
        query = urlencode({"serial": serial, "date": str(date)})
        rows: list[Any] = self._ask("GET", f"/truth?{query}")
        return rows

    def anomalous_rows(self, serial: str, date: dt.date | str) -> list[dict[str, Any]]:
        """Return the anomalies of a day."""
        query = urlencode({"serial": serial, "date": str(date)})
        rows: list[dict[str, Any]] = self._ask("GET", f"/anomalous-rows?{query}")
        return rows

    def set_rows(self, serial: str, date: dt.date | str, rows: Sequence[Any] | None) -> None:
        """Make a day contain exactly these rows; None undoes it."""
        self._ask("PUT", "/rows", {"serial": serial, "date": str(date), "rows": rows})

    def truth_of(self, listing: str, device_id: str, **parameters: Any) -> list[Any]:
        """Return the rows of a complete response of a listing at the simulator's present."""
        arguments = {"listing": listing, "device_id": device_id, "parameters": parameters}
        rows: list[Any] = self._ask("PUT", "/truth-of", arguments)
        return rows

    def set_listing(self, listing: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Make a listing contain exactly these rows; None undoes it."""
        self._ask("PUT", "/listing", {"listing": listing, "device_id": device_id, "rows": rows})

    def take_offline(self, uuid: str, since: dt.datetime | None = None) -> None:
        """Cut an EV charger's connection: now, or at a past time."""
        moment = {"since": since.isoformat()} if since else {}
        self._ask("PUT", "/offline", {"uuid": uuid, **moment})

    def bring_online(self, uuid: str, at: dt.datetime | None = None) -> None:
        """End what `take_offline` began: now, or at a past time."""
        self._ask("PUT", "/online", {"uuid": uuid, **({"at": at.isoformat()} if at else {})})

    def replace_battery(self, serial: str) -> None:
        """Make the inverter list another battery as its first module from now on."""
        self._ask("POST", "/replace-battery", {"serial": serial})

    def update_firmware(self, serial: str) -> None:
        """Install newer firmware on the inverter."""
        self._ask("POST", "/update-firmware", {"serial": serial})

    def set_preset(
        self, serial: str, identifier: str, values: Any, at: dt.datetime | None = None
    ) -> None:
        """Set a preset of an inverter: now, or at a past or coming time."""
        arguments = {"serial": serial, "identifier": identifier, "values": values}
        self._ask("PUT", "/preset", {**arguments, **({"at": at.isoformat()} if at else {})})

    def set_setting(self, serial: str, setting: int, value: Any) -> None:
        """Set a setting of an inverter, as its owner does."""
        self._ask("PUT", "/setting", {"serial": serial, "setting": setting, "value": value})

    def set_device_state(self, serial: str, code: int | None, **state: int | bool | None) -> None:
        """Let an inverter give a remote control code; `reads` and `says_so` as in `Simulation`."""
        self._ask("PUT", "/device-state", {"serial": serial, "code": code, **state})

    def set_clock(self, clock: dt.datetime | None) -> None:
        """Fix the present, or use the real time if None."""
        self._ask("PUT", "/clock", {"clock": clock.isoformat() if clock else None})

    def set_faults(
        self, rates: Mapping[str, float] | None = None, **settings: float | None
    ) -> None:
        """Replace the rates (if given) and change `stall_s`, `storm_requests`, …."""
        self._ask("PUT", "/faults", {"rates": rates, **settings})

    def configure(self, **settings: float | str | bool | None) -> None:
        """Change latency, `links_base`, `retry_after` or `subscription`."""
        self._ask("PUT", "/settings", settings)

    def fail(
        self,
        path_regex: str,
        *,
        status: int | None = None,
        fault: str | None = None,
        times: int | None = None,
    ) -> None:
        """Fail matching requests with a bare status or a kind of fault."""
        arguments = {"path_regex": path_regex, "status": status, "fault": fault, "times": times}
        self._ask("POST", "/fail", arguments)

    def override(
        self,
        path_regex: str,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        times: int | None = None,
    ) -> None:
        """Respond to matching requests with these bytes."""
        arguments = {
            "path_regex": path_regex,
            "body_base64": base64.b64encode(body).decode(),
            "status": status,
            "content_type": content_type,
            "times": times,
        }
        self._ask("POST", "/override", arguments)

    def clear_failures(self) -> None:
        """Undo every `fail` and `override`."""
        self._ask("DELETE", "/failures")

    def spend(self, requests: int, account: int | None = None) -> int:
        """Count requests of another client; return how many got a 429."""
        limited: int = self._ask("POST", "/spend", {"requests": requests, "account": account})
        return limited

    def warm(self, start: dt.date | str, end: dt.date | str) -> int:
        """Cache the whole-day responses of a range; return their number."""
        count: int = self._ask("POST", "/warm", {"start": str(start), "end": str(end)})
        return count

    def _ask(self, method: str, path: str, payload: object = None) -> Any:
        return json.loads(self._send(method, path, payload))

    def _send(self, method: str, path: str, payload: object) -> bytes:
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(self._root + path, body, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            message = json.loads(error.read()).get("message", error.reason)
            raise ControlError(f"{method} {self._root}{path}: {message}") from error
        except OSError as error:
            raise ControlError(f"No simulator responds at {self._root}: {error}.") from error
