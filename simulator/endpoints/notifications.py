"""POST /notification/send (contract, "Notifications"): to the owner's own app, 10 an hour."""

import re
from typing import Any

import orjson

from simulator.answers import Answer, ApiError, json_answer
from simulator.endpoints import Call, Endpoint

_PLATFORMS = ("persist", "push")
_TEXTS = ("title", "body", "icon")
# The contract names what is refused, not how it is found: this is strict, so as to be safe.
_REFUSED = {
    "e-mail addresses": re.compile(r"\S@\S"),
    "telephone numbers": re.compile(r"\d(?:[ ().-]*\d){6}"),
    "URLs": re.compile(r"://|\bwww\.|\w\.[a-z]{2}", re.IGNORECASE),
}


def _send(call: Call) -> Answer:
    payload = _payload(call.request.body)
    errors = {
        name: f"The {name} field is required."
        for name in _TEXTS
        if not isinstance(payload.get(name), str) or not payload[name]
    }
    platforms = payload.get("platforms")
    if not isinstance(platforms, list) or not platforms:
        errors["platforms"] = "The platforms field is required."
    elif not all(platform in _PLATFORMS for platform in platforms):
        errors["platforms"] = "The selected platforms is invalid."
    for name in ("title", "body"):
        for what, pattern in _REFUSED.items():
            if name not in errors and pattern.search(payload[name]):
                errors[name] = f"The {name} must not include any {what}."
    if errors:
        raise ApiError.invalid(**errors)
    call.world.notifications.append(payload)
    return json_answer(200, {"success": True})


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return payload if isinstance(payload, dict) else {}


ENDPOINTS = (
    Endpoint(
        "POST",
        "/notification/send",
        "api:notification:send",
        _send,
        own_limit=(10, 3600.0),
    ),
)
