"""Settings from the environment and a `.env` file; every one of them, and nothing else, is here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values, find_dotenv

DEFAULT_URL = "https://api.givenergy.cloud/v1"
DEFAULT_ZONE = "Europe/London"
# Longer than the API's window of a minute, so that one bad minute fails nothing.
_DEFAULT_RETRY_S = 75
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
    """

    token: str | None = field(repr=False)
    url: str
    data: Path
    zone: str
    log_level: str
    connections: int
    reserve: int
    retry_s: int

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
        environment: instead of the process' environment and the `.env` file at or above the
            present folder; of those two, the environment wins.

    Raises:
        SettingsError: if a setting cannot be used.
    """
    if environment is None:
        file = {
            name: value
            for name, value in dotenv_values(find_dotenv(usecwd=True)).items()
            if value is not None
        }
        environment = {**file, **os.environ}
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
    )


def _whole_number(
    environment: Mapping[str, str], name: str, default: int, low: int, high: int
) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name} is {text!r}: use a whole number from {low} to {high}.")
    return int(text)
