"""What opens the API, checked before it is used: its address and the token.

Only whether they can be used at all; whether the API accepts them is found out by asking.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["checked_token", "checked_url"]

_URL_SHOWN = 12


def checked_url(base_url: str, *, allow_http: bool = False) -> str:
    """The base URL without trailing slash.

    Raises:
        ValueError: If it is no http(s) address, carries more than host and path, or would send the
            token unencrypted to another machine.
    """
    parts = urlsplit(base_url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # Cut, as it may be the token that has got into the wrong setting.
        begin = base_url if len(base_url) <= _URL_SHOWN else f"{base_url[:_URL_SHOWN]}…"
        raise ValueError(
            f"GIVENERGY_API_URL is {begin!r}: give an address such as "
            "https://api.givenergy.cloud/v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"GIVENERGY_API_URL may hold host and path only: reduce it to {shown!r}.")
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
    """The token.

    Raises:
        ValueError: If it cannot be one.
    """
    if not token:
        raise ValueError("GIVENERGY_API_TOKEN is empty: set it to a token of the account.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            "GIVENERGY_API_TOKEN holds a space, a line break or another character that no token "
            "has: copy it again, without quotes and without the word Bearer."
        )
    return token
