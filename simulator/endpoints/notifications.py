"""POST /notification/send (contract, "Notifications"): to the owner's own app, 10 an hour."""

import re

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import SimulatedListing
from simulator.framework.parameters import is_required
from simulator.http.messages import ApiError, HttpResponse, json_response

_PLATFORMS = ("persist", "push")
_TEXTS = ("title", "body", "icon")
# The contract says what is refused, not how it is recognized: this is strict, to be safe.
_REFUSED = {
    "e-mail addresses": re.compile(r"\S@\S"),
    "telephone numbers": re.compile(r"\d(?:[ ().-]*\d){6}"),
    "URLs": re.compile(r"://|\bwww\.|\w\.[a-z]{2}", re.IGNORECASE),
}


def _send(call: ApiCall) -> HttpResponse:
    payload = call.request.json_object()
    errors = {
        name: is_required(name)
        for name in _TEXTS
        if not isinstance(payload.get(name), str) or not payload[name]
    }
    platforms = payload.get("platforms")
    if not isinstance(platforms, list) or not platforms:
        errors["platforms"] = is_required("platforms")
    elif not all(platform in _PLATFORMS for platform in platforms):
        errors["platforms"] = "The selected platforms is invalid."
    for name in ("title", "body"):
        for what, pattern in _REFUSED.items():
            if name not in errors and pattern.search(payload[name]):
                errors[name] = f"The {name} must not include any {what}."
    if errors:
        raise ApiError.invalid(**errors)
    call.state.notifications.append(payload)
    return json_response(200, {"success": True})


LISTINGS: dict[str, type[SimulatedListing]] = {}
ENDPOINTS = (
    ApiEndpoint(
        "POST",
        "/notification/send",
        "api:notification:send",
        _send,
        own_limit=(10, 3600.0),
    ),
)
