"""Read the answers of the API that are in a file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any

import msgspec

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.json_rows import elements
from assets.inverter_data_points import DATASET as POINTS
from pipelines.imports.device_days import (
    DayRows,
    DaySplitter,
    only_day,
    time_of,
)
from pipelines.imports.file_owner import FetchTimes, FileOwners
from pipelines.imports.paged_answers import UNCOUNTED, PagedAnswers, why_not_proven
from pipelines.imports.recognition import (
    NotUnderstoodError,
    Recognised,
    has_no_rows,
    lists_of,
    moment,
    recognise,
    recognise_list,
    recognise_row,
)
from pipelines.imports.saved_answers import (
    PageKey,
    SavedAnswer,
    SavedPage,
)
from pipelines.imports.saved_csv import CsvPoints, looks_like_csv
from pipelines.imports.saved_files import SavedFile, is_archive
from pipelines.imports.saved_values import DamagedJsonError, SavedValue, saved_values

_HEAD_BYTES = 4096


@dataclass(slots=True)
class FileNotes:
    """What else was found in a file.

    Attributes:
        problems: What of it is not imported, and why, with how often.
        columns: Columns of a CSV file that are not imported.
        without_rows: How many answers without a row it has.
        is_about_dump: Whether it describes a dump that the other files are of.
    """

    problems: dict[str, int] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    without_rows: int = 0
    is_about_dump: bool = False

    def add(self, problem: str) -> None:
        """Count a problem."""
        self.problems[problem] = self.problems.get(problem, 0) + 1


class FileReader:
    """Reads file after file; pages of one answer can be in several of them."""

    def __init__(self, zone: str, device_id: str | None, known: Collection[str]) -> None:
        """Start without files.

        Args:
            zone: IANA time zone of the days.
            device_id: The device of what does not say its own; None if the owner named none.
            known: Devices of the data folder.
        """
        self._zone = zone
        self._owners = FileOwners(device_id, known)
        self._times = FetchTimes(zone)
        self._paged = PagedAnswers(zone)

    def read(self, file: SavedFile, notes: FileNotes) -> Iterator[SavedAnswer]:
        """Yield the answers in a file, and answers of which it has the last page.

        Args:
            file: The file.
            notes: Receives what is not imported.

        Raises:
            UnreadableFileError: The rest of it cannot be read.
        """
        splitters: _Splitters = {}
        try:
            with file.opened() as stream:
                head = stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
                if len(head) < _HEAD_BYTES and not head.strip():
                    notes.add("an empty file")
                elif is_archive(head):
                    notes.add("it is an archive in another: unpack it and name the folder")
                elif looks_like_csv(head):
                    yield from self._csv(file, CsvPoints(stream), splitters, notes)
                else:
                    yield from self._json(file, saved_values(stream), splitters, notes)
        except (NotUnderstoodError, DamagedJsonError) as error:
            notes.add(str(error))
        for splitter in splitters.values():
            for rows in splitter.finish():
                yield self._of_day(file, splitter, rows)

    def finish(self) -> Iterator[SavedAnswer]:
        """Yield the answers of which pages are missing."""
        yield from self._paged.finish()

    def _csv(
        self, file: SavedFile, points: CsvPoints, splitters: "_Splitters", notes: FileNotes
    ) -> Iterator[SavedAnswer]:
        notes.columns = points.columns.unknown
        owner: str | None = None
        for serial, row in points.rows():
            if serial is None:
                owner = owner or self._owners.owner(file, POINTS, None)
            yield from self._split(file, POINTS, serial or owner or "", row, splitters)

    def _json(
        self,
        file: SavedFile,
        values: Iterator[SavedValue],
        splitters: "_Splitters",
        notes: FileNotes,
    ) -> Iterator[SavedAnswer]:
        in_list: tuple[int | None, Recognised, str] | None = None
        collected: list[SavedValue] = []
        count = 0
        for value in values:
            count += 1
            try:
                if in_list is None or value.list_number != in_list[0]:
                    if in_list is not None and collected:
                        yield self._snapshot(file, in_list[1], in_list[2], collected)
                    in_list, collected = None, []
                    if _is_row(value):
                        row = recognise_row(value.value)
                        owner = self._owners.owner(file, row.dataset, row)
                        in_list = (value.list_number, row, owner)
                if in_list is None:
                    yield from self._whole(file, value, splitters, notes)
                elif isinstance(in_list[1].dataset, DailyDataset):
                    dataset = in_list[1].dataset
                    yield from self._split(file, dataset, in_list[2], value, splitters)
                else:
                    collected.append(value)
            except (NotUnderstoodError, DamagedJsonError) as error:
                notes.add(str(error))
        if in_list is not None and collected:
            yield self._snapshot(file, in_list[1], in_list[2], collected)
        if not count:
            notes.without_rows += 1

    def _whole(
        self, file: SavedFile, value: SavedValue, splitters: "_Splitters", notes: FileNotes
    ) -> Iterator[SavedAnswer]:
        """Yield what one value that is no row of a list is."""
        if self._times.note_dump(file, value.value):
            notes.is_about_dump = True
            return
        if has_no_rows(value.value):
            notes.without_rows += 1
            return
        lists = lists_of(value.value)
        for name, rows in lists.items():
            try:
                if rows:
                    found = recognise_list(value.value, rows)
                    yield from self._answer(file, found, _list_of(value, name, rows), splitters)
            except NotUnderstoodError as error:
                notes.add(f"{name}: {error}")
        if not lists:
            yield from self._answer(file, recognise(value.value), value, splitters)

    def _answer(
        self, file: SavedFile, found: Recognised, value: SavedValue, splitters: "_Splitters"
    ) -> Iterator[SavedAnswer]:
        dataset = found.dataset
        owner = self._owners.owner(file, dataset, found)
        if not isinstance(dataset, DailyDataset):
            yield self._snapshot(file, found, owner, [value])
        elif found.is_single and not found.has_envelope:
            yield from self._split(file, dataset, owner, value, splitters)
        else:
            yield from self._days(file, found, dataset, owner, value, splitters)

    def _days(
        self,
        file: SavedFile,
        found: Recognised,
        dataset: DailyDataset,
        owner: str,
        value: SavedValue,
        splitters: "_Splitters",
    ) -> Iterator[SavedAnswer]:
        """Yield the days of an answer, or keep it until its other pages have been found."""
        read_time = time_of(dataset, self._zone)
        times = tuple(filter(None, map(read_time, found.rows)))
        if not times:
            raise NotUnderstoodError(f"{dataset.name} of which no row has a time that can be read")
        day = _day_of(found.parameters.get("date"))
        if day is None and dataset is POINTS and found.page_count in (None, 1):
            day = only_day(times, self._zone)
        body = value.compact()
        if day is None or dataset is not POINTS:
            for row, raw in zip(found.rows, elements(body), strict=True):
                single = SavedValue(row, bytes(raw).decode(), None)
                yield from self._split(file, dataset, owner, single, splitters, found)
            return
        page = SavedPage(found.page, body, len(found.rows), file, times)
        key = PageKey(
            dataset,
            owner,
            day,
            found.page_count or 1,
            found.total,
            PurePosixPath(file.name).parent,
        )
        yield from self._paged.add(key, page, self._times.saved_at(file, found))

    def _split(
        self,
        file: SavedFile,
        dataset: DailyDataset,
        device_id: str,
        row: SavedValue,
        splitters: "_Splitters",
        found: Recognised | None = None,
    ) -> Iterator[SavedAnswer]:
        key = dataset.name, device_id, None if found is None else found.saved_at
        if key not in splitters:
            saved_at = self._times.saved_at(file, found)
            splitters[key] = DaySplitter(dataset, device_id, self._zone, saved_at)
        for rows in splitters[key].add(row):
            yield self._of_day(file, splitters[key], rows)

    def _of_day(self, file: SavedFile, splitter: DaySplitter, rows: DayRows) -> SavedAnswer:
        return SavedAnswer(
            splitter.dataset,
            splitter.device_id,
            rows.day,
            [SavedPage(1, rows.body, len(rows.rows), file)],
            complete=False,
            message=UNCOUNTED,
            newest=rows.newest,
            saved_at=splitter.saved_at,
            counted=rows.counted,
        )

    def _snapshot(
        self, file: SavedFile, found: Recognised, owner: str, values: list[SavedValue]
    ) -> SavedAnswer:
        if found.has_envelope:
            body = values[0].compact()
        elif len(values) == 1 and values[0].list_number is None:
            body = b'{"data":' + values[0].compact() + b"}"
        else:
            body = b'{"data":[' + b",".join(value.compact() for value in values) + b"]}"
        is_single = found.is_single and values[0].list_number is None
        count = len(found.rows) if found.has_envelope else len(values)
        times = (moment(row.get("time")) for row in found.rows if isinstance(row, Mapping))
        total = found.total if found.has_envelope else None
        complete = is_single or (total == count and found.page_count in (None, 1))
        return SavedAnswer(
            found.dataset,
            owner,
            None,
            [SavedPage(1, body, None if is_single else count, file)],
            complete=complete,
            message=None if complete else why_not_proven(count, total),
            newest=max((self._times.utc(time) for time in times if time is not None), default=None),
            saved_at=self._times.saved_at(file, found),
        )


_Splitters = dict[tuple[str, str, datetime | None], DaySplitter]


def _is_row(value: SavedValue) -> bool:
    """Return whether a value is a row of a list, not an answer with its envelope."""
    content = value.value
    is_answer = isinstance(content, Mapping) and "data" in content and "start_time" not in content
    return value.list_number is not None and not is_answer and not _is_collection(content)


def _is_collection(content: Any) -> bool:
    """Return whether an element has a day's lists, as no row has."""
    return isinstance(content, Mapping) and "serial" in content and bool(lists_of(content))


def _day_of(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        return None


_Raws = dict[str, msgspec.Raw]


def _list_of(value: SavedValue, name: str, rows: Sequence[Any]) -> SavedValue:
    """Return a list of an object as the API sends it."""
    raw = msgspec.json.decode(value.compact(), type=_Raws)[name]
    return SavedValue({"data": rows}, f'{{"data":{bytes(raw).decode()}}}', None)
