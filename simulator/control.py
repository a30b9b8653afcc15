"""Looking into a simulator that runs in another process, and giving it orders.

Belongs here: the client of the /_simulator paths, on the standard library alone. Does not belong
here: what the orders do (``simulator.Simulator``, whose methods these mirror).
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
    """The simulator refused an order, or could not be reached; the text says why."""


class Control:
    """The controls of a simulator at ``url``: its base URL or its control URL."""

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        """No request is made yet."""
        root = url.rstrip("/").removesuffix("/v1").removesuffix(CONTROL_PREFIX)
        self._root = root + CONTROL_PREFIX
        self._timeout_s = timeout_s
        # An HTTP proxy of the environment has no business on loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def about(self) -> dict[str, Any]:
        """``base_url``, ``token``, ``account``, ``devices``, serial numbers and UUIDs."""
        about: dict[str, Any] = self._ask("GET", "")
        return about

    def requests(self) -> list[dict[str, Any]]:
        """The request log as dictionaries, in the order of arrival."""
        lines = self._send("GET", "/requests", None).splitlines()
        return [json.loads(line) for line in lines]

    def clear_requests(self) -> None:
        """Empties the request log."""
        self._ask("DELETE", "/requests")

    def stats(self) -> dict[str, Any]:
        """Counts, commands received and windows."""
        stats: dict[str, Any] = self._ask("GET", "/stats")
        return stats

    def truth(self, serial: str, date: dt.date | str) -> list[Any]:
        """The rows of a complete answer for a path date at the simulator's present."""
        query = urlencode({"serial": serial, "date": str(date)})
        rows: list[Any] = self._ask("GET", f"/truth?{query}")
        return rows

    def odd_rows(self, serial: str, date: dt.date | str) -> list[dict[str, Any]]:
        """What was planted in a day."""
        query = urlencode({"serial": serial, "date": str(date)})
        rows: list[dict[str, Any]] = self._ask("GET", f"/odd-rows?{query}")
        return rows

    def set_rows(self, serial: str, date: dt.date | str, rows: Sequence[Any] | None) -> None:
        """Makes a day hold exactly these rows; None undoes it."""
        self._ask("PUT", "/rows", {"serial": serial, "date": str(date), "rows": rows})

    def truth_of(self, listing: str, device_id: str, **parameters: Any) -> list[Any]:
        """The rows of a complete answer of a listing at the simulator's present."""
        order = {"listing": listing, "device_id": device_id, "parameters": parameters}
        rows: list[Any] = self._ask("PUT", "/truth-of", order)
        return rows

    def set_listing(self, listing: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Makes a listing hold exactly these rows; None undoes it."""
        self._ask("PUT", "/listing", {"listing": listing, "device_id": device_id, "rows": rows})

    def take_offline(self, uuid: str, since: dt.datetime | None = None) -> None:
        """An EV charger loses its connection: now, or at a time that has passed."""
        moment = {"since": since.isoformat()} if since else {}
        self._ask("PUT", "/offline", {"uuid": uuid, **moment})

    def bring_online(self, uuid: str, at: dt.datetime | None = None) -> None:
        """Ends what ``take_offline`` began: now, or at a time that has passed."""
        self._ask("PUT", "/online", {"uuid": uuid, **({"at": at.isoformat()} if at else {})})

    def replace_battery(self, serial: str) -> None:
        """The inverter lists another battery as its first module from now on."""
        self._ask("POST", "/replace-battery", {"serial": serial})

    def update_firmware(self, serial: str) -> None:
        """The inverter has a newer firmware from now on."""
        self._ask("POST", "/update-firmware", {"serial": serial})

    def set_clock(self, clock: dt.datetime | None) -> None:
        """Fixes the present, or lets it be the real one."""
        self._ask("PUT", "/clock", {"clock": clock.isoformat() if clock else None})

    def set_faults(
        self, rates: Mapping[str, float] | None = None, **settings: float | None
    ) -> None:
        """Replaces the rates (when given) and changes ``stall_s``, ``storm_requests``, …."""
        self._ask("PUT", "/faults", {"rates": rates, **settings})

    def configure(self, **settings: float | str | bool | None) -> None:
        """Changes latency, ``links_base``, ``retry_after`` or ``subscription``."""
        self._ask("PUT", "/settings", settings)

    def fail(
        self,
        path_regex: str,
        *,
        status: int | None = None,
        fault: str | None = None,
        times: int | None = None,
    ) -> None:
        """Fails matching requests with a bare status or a kind of fault."""
        order = {"path_regex": path_regex, "status": status, "fault": fault, "times": times}
        self._ask("POST", "/fail", order)

    def override(
        self,
        path_regex: str,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        times: int | None = None,
    ) -> None:
        """Answers matching requests with these bytes."""
        order = {
            "path_regex": path_regex,
            "body_base64": base64.b64encode(body).decode(),
            "status": status,
            "content_type": content_type,
            "times": times,
        }
        self._ask("POST", "/override", order)

    def clear_failures(self) -> None:
        """Forgets every ``fail`` and ``override``."""
        self._ask("DELETE", "/failures")

    def spend(self, requests: int, account: int | None = None) -> int:
        """A neighbour makes requests; how many of them got a 429."""
        limited: int = self._ask("POST", "/spend", {"requests": requests, "account": account})
        return limited

    def warm(self, start: dt.date | str, end: dt.date | str) -> int:
        """Makes and caches the whole-day answers of a range; how many."""
        made: int = self._ask("POST", "/warm", {"start": str(start), "end": str(end)})
        return made

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
            raise ControlError(f"No simulator answers at {self._root}: {error}.") from error
