"""Validators of the settings' values; a refusal says what to use instead.

`pipelines.settings` prefixes it with the name of the setting.
"""

import re
from collections.abc import Collection
from datetime import time
from pathlib import Path

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from givenergy.budget.postgres_url import PostgresUrl
from givenergy.redaction import checked_entries
from givenergy.time_zones import usable_zone
from pipelines.local_reader.inverter_address import InverterAddress, parse_address
from pipelines.named_accounts import NAME_ADVICE, is_account_name
from warehouse.source_names import API_SOURCE, OTHER_SOURCES

# An address may contain commas; a comma that separates two addresses is followed by a scheme.
_URL_BREAK = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_TOKEN_LENGTH = 20
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def _refuse(advice: str) -> PydanticCustomError:
    """Return the error of a value; `load_settings` prefixes the advice with the setting's name."""
    return PydanticCustomError("setting", "{advice}", {"advice": advice})


def whole_number(low: int, high: int) -> BeforeValidator:
    """Return a validator of whole numbers between two bounds, both included, in plain digits."""

    def check(value: str | int) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise _refuse(f"use a whole number from {low} to {high}.")
        return int(text)

    return BeforeValidator(check)


def check_account_name(name: str | None) -> str | None:
    """Return the name of an account."""
    if name is not None and not is_account_name(name):
        raise _refuse(NAME_ADVICE)
    return name


def check_publish_target(target: str | None) -> str | None:
    """Return a URL as it is, or a folder that does not depend on the working folder."""
    if target is None or "://" in target or Path(target).is_absolute() or target.startswith("~"):
        return target
    raise _refuse("use the absolute path of a folder, or a URL such as s3://bucket/givlake.")


def check_serve_token(token: str | None) -> str | None:
    """Return a token that cannot be guessed and can be sent in a header."""
    if token is None or (len(token) >= _TOKEN_LENGTH and token.isascii() and token.isprintable()):
        return token
    raise _refuse(f"use at least {_TOKEN_LENGTH} letters and digits.")


def check_source_name(name: str) -> str:
    """Return the name of a second source, which no other kind of source has."""
    if not is_account_name(name) or name in (API_SOURCE, *OTHER_SOURCES):
        used = ", ".join((API_SOURCE, *OTHER_SOURCES))
        raise _refuse(f"use letters, digits, _ and -, and none of {used}.")
    return name


def read_source_url(url: str | None) -> str | None:
    """Return the address of an API without a slash at its end."""
    if url is None or re.fullmatch(r"https?://[^\s/?#@]+[^\s?#@]*", url):
        return None if url is None else url.rstrip("/")
    raise _refuse("use the address of an API, such as http://192.168.1.20:8765/v1.")


def check_log_level(level: str) -> str:
    """Return the name of a log level in capitals."""
    if level.upper() not in _LOG_LEVELS:
        raise _refuse(f"use one of {', '.join(_LOG_LEVELS)}.")
    return level.upper()


def check_zone(name: str) -> str:
    """Return the name of a time zone as Python knows it."""
    if (zone := usable_zone(name)) is None:
        raise _refuse("use the name of a time zone, such as Europe/London.")
    return zone


def check_poll_minutes(minutes: int) -> int:
    """Return minutes that divide an hour."""
    if 60 % minutes:
        raise _refuse("use a divisor of 60: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60.")
    return minutes


def read_inverters(value: str | tuple[InverterAddress, ...]) -> tuple[InverterAddress, ...]:
    """Return addresses of inverters, separated by commas."""
    if isinstance(value, tuple):
        return value
    try:
        return tuple(parse_address(part) for part in value.split(",") if part.strip())
    except ValueError:
        raise _refuse(
            "use the name or IP address of the inverter's adapter, with :port if that is not 8899."
        ) from None


def read_switch(value: str | bool) -> bool:
    """Return a switch from 1 or 0."""
    if value not in ("0", "1", True, False):
        raise _refuse("use 1 for on and 0 for off.")
    return value in ("1", True)


def read_time(value: str | time) -> time:
    """Return a time of day."""
    if isinstance(value, time):
        return value
    try:
        moment = time.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or f"{moment:%H:%M}" != value:
        raise _refuse("use a time of day such as 09:00.")
    return moment


def how_often(choices: Collection[str], advice: str) -> BeforeValidator:
    """Return a validator of words for how often something is done; `off` becomes None."""

    def check(value: str | None) -> str | None:
        chosen = (value or "off").lower()
        if chosen not in ("off", *choices):
            raise _refuse(advice)
        return None if chosen == "off" else chosen

    return BeforeValidator(check)


def read_names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return names that are separated by commas."""
    names = value.split(",") if isinstance(value, str) else value
    return tuple(name.strip() for name in names if name.strip())


def read_personal(value: str | frozenset[str]) -> frozenset[str]:
    """Return what personal values to keep."""
    try:
        return checked_entries(read_names(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise _refuse(str(error)) from error


def read_budget_url(value: str | None) -> str | None:
    """Return the address of the request budget, if it has the form of one."""
    try:
        return None if value is None else PostgresUrl(value.strip()).url
    except ValueError as error:
        raise _refuse(f"{error}.") from None


def read_alert_urls(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses of the channels of alerts."""
    texts = _URL_BREAK.split(value.strip(" \t\n,")) if isinstance(value, str) else value
    urls = tuple(filter(None, texts))
    for number, url in enumerate(urls, start=1):
        if not _URL.fullmatch(url):
            raise _refuse(
                f"address {number} is not a URL: use Apprise addresses, such as mailto://…,"
                " separated by commas."
            )
    return urls
