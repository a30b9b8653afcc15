"""The address of the PostgreSQL database that several machines share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

__all__ = ["PostgresUrl", "without_password"]

_HOST = r"(?:\[[^][@/?]*\]|[^][:@/?,]*)(?::\d*)?"
# A second `@`, or one after the path began, is of a password that would be taken for a host.
_URL = re.compile(
    r"(?:postgres|postgresql)(?:\+psycopg2)?://"
    rf"(?P<rest>(?:[^@/?]*@)?{_HOST}(?:,{_HOST})*(?:[/?][^@]*)?)"
)
_PASSWORD = re.compile(r"://[^:@/?]*:([^@]*)@|[?&](?:ssl)?password=([^&]*)")
_FIELDS = re.compile(r"[@:/?#&]")


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """An address of the form `postgresql://user:password@host:port/database`.

    Its text has neither password nor parameters, so that it can be shown.

    Raises:
        ValueError: It has another form; the message does not contain it.
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        if _URL.fullmatch(self.url) is None:
            raise ValueError(
                "use an address such as postgresql://user:password@host:5432/database; special"
                " characters of a password are written as %40 and so on"
            )

    @property
    def dsn(self) -> str:
        """The address as PostgreSQL's library understands it."""
        return f"postgresql://{self._rest}"

    def hide_in(self, text: str) -> str:
        """Return a text without the pieces of the password, as a library's reason."""
        found = _PASSWORD.finditer(self.url)
        return without_password(text, *(each for match in found for each in match.groups("")))

    @property
    def _rest(self) -> str:
        found = _URL.fullmatch(self.url)
        return "" if found is None else found["rest"]

    def __str__(self) -> str:
        """Return the address without password and parameters."""
        at, _, path = self._rest.partition("?")[0].partition("/")
        user, _, host = at.rpartition("@")
        user = user.partition(":")[0]
        return f"postgresql://{user}{'@' if user else ''}{host}/{path}"


def without_password(text: str, *passwords: str) -> str:
    """Return a text with `***` in place of passwords and of their pieces.

    A special character in a password may have made a library take a piece for a host or a port.
    """
    pieces = {
        piece
        for password in passwords
        for whole in (password, unquote(password))
        for piece in (whole, *_FIELDS.split(whole))
        if piece
    }
    for piece in sorted(pieces, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(piece)}(?!\w)", "***", text)
    return text
