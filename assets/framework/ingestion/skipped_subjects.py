"""The devices, or parts of devices, that are skipped for the rest of a run."""

from collections import Counter

from assets.framework.ingestion.fetch_result import FetchResult, Outcome

# A single day can be refused or unknown; a device is skipped after this many days in a row.
_REFUSALS_UNTIL_SKIPPED = 3


class SkippedSubjects:
    """Counts refusals in a row by subject, and skips a subject after several."""

    def __init__(self) -> None:
        self.in_a_row: Counter[str] = Counter()
        self._results: dict[str, FetchResult] = {}

    def refused(self, subject: str, result: FetchResult, *, at_once: bool = False) -> None:
        """Count a refusal; skip the subject, with this result, after several in a row or at once.

        Args:
            subject: The subject of the request.
            result: The result of the refused request, and of those that are skipped.
            at_once: Skip it already now.
        """
        self.in_a_row[subject] += 1
        if at_once or self.in_a_row[subject] >= _REFUSALS_UNTIL_SKIPPED:
            self._results[subject] = result

    def skip(self, subject: str, result: FetchResult) -> None:
        """Skip a subject with a result."""
        self._results[subject] = result

    def answered(self, subject: str) -> None:
        """Begin to count again."""
        self.in_a_row.pop(subject, None)

    def get(self, subject: str) -> FetchResult | None:
        """Return the result of requests about a subject; None if it is not skipped."""
        return self._results.get(subject)

    def number_with(self, outcome: Outcome) -> int:
        """Return the number of subjects that are skipped with an outcome."""
        return sum(result.outcome is outcome for result in list(self._results.values()))
