"""Settings from the environment and a `.env` file; every one of them, and nothing else, is here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values, find_dotenv

from givenergy.redaction import checked_entries

DEFAULT_URL = "https://api.givenergy.cloud/v1"
DEFAULT_ZONE = "Europe/London"
ENV_FILE = "GIVLAKE_ENV_FILE"
# Longer than the API's window of a minute, so that one bad minute fails nothing.
_DEFAULT_RETRY_S = 75
# How long a range the API answers is not documented; a month is what its own pages show.
_DEFAULT_RANGE_DAYS = 31
_DEFAULT_POLL_MINUTES = 15
_DEFAULT_ALERT_BY = time(9)
# Addresses may hold commas; between two of them one is followed by a scheme.
_URL_BREAK = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(Exception):
    """A setting that cannot be used; the message names it, its value and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an owner can set.

    Attributes:
        token: GIVENERGY_API_TOKEN; never shown.
        url: GIVENERGY_API_URL.
        data: GIVLAKE_DATA, absolute.
        zone: GIVLAKE_TIMEZONE, used where neither site nor account has a time zone.
        log_level: GIVLAKE_LOG_LEVEL.
        connections: GIVLAKE_CONNECTIONS, requests in flight.
        reserve: GIVLAKE_RESERVE, requests a minute that are always left to others.
        retry_s: GIVLAKE_RETRY_S, seconds for which a failing request is tried again; 0 for none.
        range_days: GIVLAKE_RANGE_DAYS, days that one request may cover where it can cover several.
        datasets: GIVLAKE_DATASETS, names of those that run; none means all. Those with `-` in
            front do not run.
        poll_minutes: GIVLAKE_POLL_MINUTES, minutes between two scheduled polls.
        keep_personal: GIVLAKE_KEEP_PERSONAL, personal leaves that are kept all the same.
        alert_urls: GIVLAKE_ALERT_URLS, where alerts go by Apprise; never shown.
        alert_app: GIVLAKE_ALERT_APP, whether they go to the owner's GivEnergy app.
        alert_by: GIVLAKE_ALERT_BY, by when yesterday should be there, in the account's zone.
    """

    token: str | None = field(repr=False)
    url: str
    data: Path
    zone: str
    log_level: str
    connections: int
    reserve: int
    retry_s: int
    range_days: int = _DEFAULT_RANGE_DAYS
    datasets: tuple[str, ...] = ()
    poll_minutes: int = _DEFAULT_POLL_MINUTES
    keep_personal: frozenset[str] = frozenset()
    alert_urls: tuple[str, ...] = field(default=(), repr=False)
    alert_app: bool = False
    alert_by: time = _DEFAULT_ALERT_BY

    def required_token(self) -> str:
        """Give the token.

        Raises:
            SettingsError: if there is none.
        """
        if not self.token:
            raise SettingsError(
                "GIVENERGY_API_TOKEN is not set: make a token in the GivEnergy portal (Account"
                " settings, API tokens) and put GIVENERGY_API_TOKEN=… into the environment or a"
                " .env file."
            )
        return self.token


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: instead of what `merged_environment` gives.

    Raises:
        SettingsError: if a setting cannot be used.
    """
    if environment is None:
        environment = merged_environment()
    zone = environment.get("GIVLAKE_TIMEZONE") or DEFAULT_ZONE
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise SettingsError(
            f"GIVLAKE_TIMEZONE is {zone!r}, which is no time zone: use a name such as"
            f" {DEFAULT_ZONE}."
        ) from error
    level = (environment.get("GIVLAKE_LOG_LEVEL") or "WARNING").upper()
    if level not in _LEVELS:
        raise SettingsError(f"GIVLAKE_LOG_LEVEL is {level!r}: use one of {', '.join(_LEVELS)}.")
    return Settings(
        token=environment.get("GIVENERGY_API_TOKEN") or None,
        url=(environment.get("GIVENERGY_API_URL") or DEFAULT_URL).rstrip("/"),
        data=Path(environment.get("GIVLAKE_DATA") or "data").expanduser().absolute(),
        zone=zone,
        log_level=level,
        connections=_whole_number(environment, "GIVLAKE_CONNECTIONS", 8, low=1, high=64),
        reserve=_whole_number(environment, "GIVLAKE_RESERVE", 0, low=0, high=100_000),
        retry_s=_whole_number(environment, "GIVLAKE_RETRY_S", _DEFAULT_RETRY_S, low=0, high=86_400),
        range_days=_whole_number(
            environment, "GIVLAKE_RANGE_DAYS", _DEFAULT_RANGE_DAYS, low=1, high=366
        ),
        datasets=tuple(
            name.strip()
            for name in environment.get("GIVLAKE_DATASETS", "").split(",")
            if name.strip()
        ),
        poll_minutes=_poll_minutes(environment),
        keep_personal=_personal_leaves(environment),
        alert_urls=_alert_urls(environment),
        alert_app=_switch(environment, "GIVLAKE_ALERT_APP"),
        alert_by=_time_of_day(environment, "GIVLAKE_ALERT_BY", _DEFAULT_ALERT_BY),
    )


def merged_environment() -> dict[str, str]:
    """Give the process' environment, and of the settings file what the environment does not have.

    The file is the one that GIVLAKE_ENV_FILE names, none if that is empty, and `.env` at or above
    the present folder if it is not set.

    Raises:
        SettingsError: if the file cannot be read.
    """
    named = os.environ.get(ENV_FILE)
    if named == "":
        return {**os.environ}
    path = find_dotenv(usecwd=True) if named is None else Path(named).expanduser()
    advice = f"name another file in {ENV_FILE}, or leave that empty to read none."
    if named is not None and (not Path(path).exists() or Path(path).is_dir()):
        raise SettingsError(f"{ENV_FILE} is {named!r}, and there is no such file: {advice}")
    try:
        file = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(
            f"The settings in {path} cannot be read ({reason}): make the file readable, {advice}"
        ) from error
    return {**{name: text for name, text in file.items() if text is not None}, **os.environ}


def _poll_minutes(environment: Mapping[str, str]) -> int:
    minutes = _whole_number(
        environment, "GIVLAKE_POLL_MINUTES", _DEFAULT_POLL_MINUTES, low=1, high=60
    )
    if 60 % minutes:
        raise SettingsError(
            f"GIVLAKE_POLL_MINUTES is '{minutes}', which does not go into an hour: use 1, 2, 3, 4,"
            " 5, 6, 10, 12, 15, 20, 30 or 60."
        )
    return minutes


def _personal_leaves(environment: Mapping[str, str]) -> frozenset[str]:
    text = environment.get("GIVLAKE_KEEP_PERSONAL") or ""
    try:
        return checked_entries(filter(None, map(str.strip, text.split(","))))
    except ValueError as error:
        raise SettingsError(f"GIVLAKE_KEEP_PERSONAL: {error}") from error


def _alert_urls(environment: Mapping[str, str]) -> tuple[str, ...]:
    text = environment.get("GIVLAKE_ALERT_URLS") or ""
    urls = tuple(filter(None, _URL_BREAK.split(text.strip(" \t\n,"))))
    for number, url in enumerate(urls, start=1):
        # Not shown, as it may hold a password.
        if not _URL.fullmatch(url):
            raise SettingsError(
                f"GIVLAKE_ALERT_URLS: address {number} is none: write addresses as Apprise takes"
                " them, such as mailto://…, with commas between."
            )
    return urls


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "0"
    if text not in ("0", "1"):
        raise SettingsError(f"{name} is {text!r}: use 1 for on and 0 for off.")
    return text == "1"


def _time_of_day(environment: Mapping[str, str], name: str, default: time) -> time:
    text = environment.get(name)
    if not text:
        return default
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or f"{moment:%H:%M}" != text:
        raise SettingsError(f"{name} is {text!r}: use a time of day such as {default:%H:%M}.")
    return moment


def _whole_number(
    environment: Mapping[str, str], name: str, default: int, low: int, high: int
) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text!r}: use a whole number from {low} to {high}.")
    return int(text)
