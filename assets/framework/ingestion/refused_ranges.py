"""Which lengths of ranges are refused, and accepted, in one run."""

from dataclasses import replace

from assets.framework.contract.request import Request


class RefusedRanges:
    """The refused ranges of a run, by subject.

    Attributes:
        is_any: Whether any range was refused.
    """

    def __init__(self) -> None:
        self.is_any = False
        # Lengths of refused ranges by subject, in days, until a shorter one is accepted.
        self._refused_days: dict[str, int] = {}
        self._longest_accepted_days = 0

    def doubts(self, request: Request, *, has_answered: bool) -> bool:
        """Return whether to request the shortest range first: nothing but refusals came so far."""
        if request.is_body_optional and not request.has_optional_body:
            # The body was in doubt, not the range.
            return False
        return self.is_any and not has_answered

    def shorter(self, request: Request) -> Request | None:
        """Return the first of the requests that replace a refused range; None for a single day.

        Of a span as long as one that was accepted, some days are too old, or faulty: its halves
        find them. Otherwise it can be too long.
        """
        is_too_long = request.days > self._longest_accepted_days or request.is_open
        if is_too_long or request.span is None or not (parts := request.split()):
            return request.shortest()
        return replace(parts[0], rest=parts[1:])

    def refused(self, request: Request) -> None:
        """Record that a range is refused which can be shortened."""
        self.is_any = True
        accepted = 0 if request.span is None else self._longest_accepted_days
        if request.days > accepted and not request.is_open:
            self._refused_days[request.subject] = request.days

    def refused_at_any_length(self, request: Request) -> None:
        """Record that even the shortest part of a range is refused."""
        self.is_any = True
        self._refused_days.pop(request.subject, None)

    def answered(self, request: Request) -> int:
        """Record a response; return the days of a longer range that is refused, or 0."""
        refused_days = self._refused_days.pop(request.subject, 0)
        self._longest_accepted_days = max(self._longest_accepted_days, request.days)
        return refused_days if request.days < refused_days else 0
