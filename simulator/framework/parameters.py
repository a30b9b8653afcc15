"""Validation that endpoints share, with the API's messages.

Belongs here: required fields and time ranges. Does not belong here: filters of a single endpoint.
"""

import contextlib
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from simulator.http.messages import ApiError

END_BEFORE_START = "The end time must be a date after or equal to start time."
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def is_required(name: str) -> str:
    """Return the message for a missing field."""
    return f"The {name.replace('_', ' ')} field is required."


def is_no_date(name: str) -> str:
    """Return the message for a field that is not a date or time."""
    return f"The {name.replace('_', ' ')} is not a valid date."


def require_fields(body: Mapping[str, Any], *names: str) -> None:
    """Raise `ApiError` 422 with a message for each field that is missing or empty."""
    errors = {name: is_required(name) for name in names if body.get(name) in (None, "", [])}
    if errors:
        raise ApiError.invalid(**errors)


def day_of(parameters: Mapping[str, Any], name: str, errors: dict[str, str]) -> dt.date:
    """Return a required day, written YYYY-MM-DD; what is wrong is added to `errors` by field."""
    text = parameters.get(name)
    if text is None or text == "":
        errors[name] = is_required(name)
    elif isinstance(text, str) and _DAY.fullmatch(text):
        with contextlib.suppress(ValueError):
            return dt.date.fromisoformat(text)
    errors.setdefault(name, is_no_date(name))
    return dt.date.min


def past_time_range(
    parameters: Mapping[str, Any], now_s: float, errors: dict[str, str]
) -> tuple[int, int]:
    """Return `start_time` and `end_time` in epoch seconds; both are required, in order and past.

    What is wrong is added to `errors` by field.
    """
    start_s = _past_time(parameters, "start_time", now_s, errors)
    end_s = _past_time(parameters, "end_time", now_s, errors)
    if not errors.keys() & {"start_time", "end_time"} and end_s < start_s:
        errors["end_time"] = END_BEFORE_START
    return start_s, end_s


def _past_time(
    parameters: Mapping[str, Any], name: str, now_s: float, errors: dict[str, str]
) -> int:
    text = parameters.get(name)
    if text is None or text == "":
        errors[name] = is_required(name)
        return 0
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        time_s = int(dt.datetime.fromisoformat(text).timestamp())
    except (TypeError, ValueError):
        errors[name] = is_no_date(name)
        return 0
    if time_s > now_s:
        errors[name] = f"The {name.replace('_', ' ')} must be a date before or equal to now."
    return time_s
