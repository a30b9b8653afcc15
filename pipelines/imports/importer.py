"""Import what other tools have saved: file by file, each answer once."""

from collections.abc import Callable, Sequence
from pathlib import Path

from assets.framework.contract.dataset import DailyDataset
from givenergy.errors import UnusableNameError
from pipelines.imports.file_reader import FileNotes, FileReader
from pipelines.imports.import_entries import EntryMaker, fetched_when
from pipelines.imports.import_report import ImportReport
from pipelines.imports.known_answers import KnownAnswers
from pipelines.imports.saved_answers import SavedAnswer
from pipelines.imports.saved_files import Unreadable, UnreadableFileError, saved_files
from warehouse.archive import Entry

Append = Callable[[Sequence[Entry]], Sequence[int]]


class Importer:
    """Imports files into one archive; what it has archived stays if it is interrupted."""

    def __init__(
        self, reader: FileReader, maker: EntryMaker, known: KnownAnswers, append: Append
    ) -> None:
        """Store what to work with.

        Args:
            reader: Reads the files.
            maker: Makes the entries.
            known: What the archive has.
            append: Archives the entries of an answer; in a dry run it does nothing.
        """
        self._reader = reader
        self._maker = maker
        self._known = known
        self._append = append
        self._report = ImportReport()
        # Few and small: they are imported in the order in which they were fetched.
        self._snapshots: list[SavedAnswer] = []

    def run(
        self, named: Sequence[Path], on_file: Callable[[int], object] = lambda _: None
    ) -> ImportReport:
        """Import files and folders; return what was found in them.

        Args:
            named: The files and folders.
            on_file: Called with the number of files read so far.

        Raises:
            StoreError: The archive cannot be written.
        """
        for number, file in enumerate(saved_files(named), start=1):
            result = self._report.file(file.name)
            if isinstance(file, Unreadable):
                result.problems[file.reason] += 1
                continue
            notes = FileNotes()
            try:
                for answer in self._reader.read(file, notes):
                    self._take(answer)
            except UnreadableFileError as error:
                notes.add(str(error))
            result.problems.update(notes.problems)
            result.columns = notes.columns
            result.without_rows = notes.without_rows
            result.is_about_dump = notes.is_about_dump
            on_file(number)
        for answer in self._reader.finish():
            self._take(answer)
        for answer in sorted(self._snapshots, key=fetched_when):
            if (why := self._known.why_too_late(answer, fetched_when(answer))) is None:
                self._archive(answer)
            elif self._known.has(self._maker.entries(answer)):
                self._report.add(answer, is_known=True)
            else:
                self._report.leave_out(answer, why)
        return self._report

    def _take(self, answer: SavedAnswer) -> None:
        if isinstance(answer.dataset, DailyDataset):
            self._archive(answer)
        else:
            self._snapshots.append(answer)

    def _archive(self, answer: SavedAnswer) -> None:
        try:
            entries = self._maker.entries(answer)
        except UnusableNameError as error:
            self._report.leave_out(answer, str(error))
            return
        is_known = self._known.has(entries)
        if not is_known:
            self._report.response_ids.update(self._append(entries))
            self._known.add(entries)
        self._report.add(answer, is_known=is_known)
