"""The address of the PostgreSQL database that several machines share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["PostgresUrl"]

_URL = re.compile(r"(?:postgres|postgresql)(?:\+psycopg2)?://(?P<rest>.*)", re.DOTALL)


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
            raise ValueError("use an address such as postgresql://user:password@host:5432/database")

    @property
    def dsn(self) -> str:
        """The address as PostgreSQL's library understands it."""
        return f"postgresql://{self._rest}"

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
