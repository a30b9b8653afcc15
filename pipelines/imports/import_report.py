"""What an import found in each file, and what it has brought."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from pipelines.imports.saved_answers import SavedAnswer


@dataclass(slots=True)
class Found:
    """Answers of one dataset and device.

    Attributes:
        rows: Rows of those that the archive did not have.
        known_rows: Rows of those that it had.
        days: Their days; empty if the dataset is not requested by day.
        proven: The days that are proven to be whole.
        unproven: Why others are not, with how many.
    """

    rows: int = 0
    known_rows: int = 0
    days: set[date] = field(default_factory=set)
    proven: set[date] = field(default_factory=set)
    unproven: Counter[str] = field(default_factory=Counter)

    def add(self, answer: SavedAnswer, *, is_known: bool) -> None:
        """Count an answer."""
        if is_known:
            self.known_rows += answer.rows
        else:
            self.rows += answer.rows
        if answer.day is not None:
            self.days.add(answer.day)
            if answer.complete:
                self.proven.add(answer.day)
        if answer.message is not None and not is_known:
            self.unproven[answer.message] += 1


Subject = tuple[str, str]  # dataset and device


@dataclass(slots=True)
class FileResult:
    """What was found in a file.

    Attributes:
        found: What it has, by dataset and device.
        problems: What of it is not imported and why, with how often.
        columns: Columns of a CSV file that are not imported.
        without_rows: How many answers without a row it has.
        is_about_dump: Whether it only describes a dump.
    """

    found: dict[Subject, Found] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    columns: tuple[str, ...] = ()
    without_rows: int = 0
    is_about_dump: bool = False


@dataclass(slots=True)
class ImportReport:
    """What an import found, by file, and in all.

    Attributes:
        files: The files in the order in which they were read.
        found: What they have, by dataset and device.
        response_ids: The responses that were archived.
    """

    files: dict[str, FileResult] = field(default_factory=dict)
    found: dict[Subject, Found] = field(default_factory=dict)
    response_ids: set[int] = field(default_factory=set)

    def file(self, name: str) -> FileResult:
        """Return the result of a file."""
        return self.files.setdefault(name, FileResult())

    def add(self, answer: SavedAnswer, *, is_known: bool) -> None:
        """Count an answer, for its files and in all."""
        subject = (answer.dataset.name, answer.device_id)
        self.found.setdefault(subject, Found()).add(answer, is_known=is_known)
        for name in {page.file.name for page in answer.pages}:
            of_file = self.file(name).found.setdefault(subject, Found())
            of_file.add(answer, is_known=is_known)

    def leave_out(self, answer: SavedAnswer, reason: str) -> None:
        """Count an answer that is not imported."""
        for name in {page.file.name for page in answer.pages}:
            self.file(name).problems[f"{answer.dataset.name}: {reason}"] += 1

    @property
    def left_out(self) -> dict[str, list[str]]:
        """What is not imported: the names of the files by the reason."""
        names: dict[str, list[str]] = {}
        for name, result in self.files.items():
            for reason in _reasons(result):
                names.setdefault(reason, []).append(name)
        return names

    @property
    def without_rows(self) -> int:
        """How many answers without a row were found."""
        return sum(result.without_rows for result in self.files.values())

    @property
    def datasets(self) -> set[str]:
        """The datasets of what was found."""
        return {dataset for dataset, _ in self.found}


def _reasons(result: FileResult) -> Iterator[str]:
    yield from result.problems
    if result.columns:
        yield f"columns that do not say what they are: {', '.join(result.columns)}"
