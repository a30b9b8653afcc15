"""Check the address of the API and the token before they are used.

Only whether they can be used at all; whether the API accepts them shows in its responses.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["checked_token", "checked_url"]

_URL_SHOWN = 12


def checked_url(base_url: str, *, allow_http: bool = False) -> str:
    """Return the base URL without trailing slash.

    Raises:
        ValueError: If it is no http(s) address, has more than host and path, or would send the
            token unencrypted to another machine.
    """
    parts = urlsplit(base_url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # Shortened, as it may be the token, set in the wrong place.
        begin = base_url if len(base_url) <= _URL_SHOWN else f"{base_url[:_URL_SHOWN]}…"
        raise ValueError(
            f"GIVENERGY_API_URL is {begin!r}: set an address such as "
            "https://api.givenergy.cloud/v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"GIVENERGY_API_URL may contain only host and path: use {shown!r}.")
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts.hostname):
        raise ValueError(
            f"GIVENERGY_API_URL is {shown!r}, which would send the token unencrypted: use https."
        )
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_token(token: str) -> str:
    """Return the token.

    Raises:
        ValueError: If it cannot be a token.
    """
    if not token:
        raise ValueError("GIVENERGY_API_TOKEN is empty: set it to a token of the account.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            "GIVENERGY_API_TOKEN contains a space, a line break or another character that no "
            "token has: copy it again, without quotes and without the word Bearer."
        )
    return token
