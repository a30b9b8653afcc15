"""What there is to say about a request before it is made.

Only the record and how it fills its path. Which requests there are stands in the other modules of
this package; what an endpoint's answers mean is decided in the datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from givenergy.budget.interface import OwnLimit
from givenergy.errors import UnusableNameError

__all__ = ["PAGING", "Endpoint"]

# The leaves of `meta` that a walk over pages needs; they count rows and name nobody.
PAGING = frozenset(
    f"meta.{name}" for name in ("current_page", "from", "last_page", "per_page", "to", "total")
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One request that the API answers.

    Attributes:
        name: The dataset-like name, also the name of the bucket if the endpoint has its own limit.
        method: ``GET``, or ``POST`` for a read that takes a body.
        path: Path below the base URL, with ``{name}`` for each parameter.
        scope: The token scope the endpoint needs; where it needs two, both with a space between.
        account_type: The type the account must have, in words; "any" where all will do.
        page_size: The largest page asked for; None when the endpoint is not paginated.
        newest_first: Whether new rows are added at the front of the list.
        later_version: Whether only later versions of the API than the documented one have it.
        enveloped: Whether the answer's content stands in `data`, as nearly all of it does.
        single: Whether the answer is a single thing that may be null: then null is an answer.
        is_list: Whether the answer is a list of objects; whatever is paginated is.
        reads: Whether it only reads. Whatever does not must be nobody's business but the owner's.
        limit: A limit of the endpoint's own; None when it spends from the account's.
        keep: On endpoints with personal data or secrets, the leaves that may be kept (dotted
            paths below the top of the body, ``[]`` for any element); None keeps all.
        personal: Of the other leaves, the documented ones that the owner may have kept.
        pseudonymise: Of the other leaves, those that are replaced by a pseudonym, so that equal
            values can still be told from different ones; the owner may have them kept too.
        plain: Values of theirs that stand for no person and stay, in capitals.
    """

    name: str
    method: str
    path: str
    scope: str
    account_type: str = "any"
    page_size: int | None = None
    newest_first: bool = False
    later_version: bool = False
    enveloped: bool = True
    single: bool = False
    is_list: bool = False
    reads: bool = True
    limit: OwnLimit | None = None
    keep: frozenset[str] | None = None
    personal: frozenset[str] = frozenset()
    pseudonymise: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.page_size is not None:
            object.__setattr__(self, "is_list", True)

    def url_path(self, parameters: Mapping[str, str]) -> str:
        """Fill the path, each value percent-encoded so that it cannot leave its segment.

        Raises:
            UnusableNameError: If a parameter is no usable path segment.
            ValueError: If a parameter is missing or unknown.
        """
        segments = []
        used = set()
        for segment in self.path.split("/"):
            if not segment.startswith("{"):
                segments.append(segment)
                continue
            name = segment.strip("{}")
            used.add(name)
            if name not in parameters:
                raise ValueError(f"{self.name} needs the path parameter {name!r}.")
            segments.append(_segment(name, parameters[name]))
        if unknown := set(parameters) - used:
            raise ValueError(f"{self.name} has no path parameter {sorted(unknown)[0]!r}.")
        return "/".join(segments)


def _segment(name: str, value: str) -> str:
    # "." and ".." survive percent-encoding: HTTP clients undo it and then climb the path.
    if value in {"", ".", ".."} or any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise UnusableNameError(
            f"{value!r} cannot be used as {name}: give the name the API lists, without control"
            " characters."
        )
    return quote(value, safe="")
