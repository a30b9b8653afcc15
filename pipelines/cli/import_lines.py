"""What an import found, as lines for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.cli.common import plural
from pipelines.imports.import_report import FileResult, Found, ImportReport, Subject
from pipelines.imports.paged_answers import IMPORTED
from warehouse.tables.build_report import BuildReport

_FILES_NAMED = 3
_REASONS = 3
# The outcome of rows, in words.
_OUTCOMES = {
    "new": "new",
    "identical": "identical",
    "superseding": "in place of others",
    "superseded": "kept as other versions",
    "quarantined": "quarantined",
}


def found_lines(report: ImportReport) -> Iterator[str]:
    """Yield what was found, by dataset and device."""
    files = Counter(subject for result in report.files.values() for subject in result.found)
    for subject, found in sorted(report.found.items()):
        yield f"{_named(subject)}: {_counts(found)} from {plural(files[subject], 'file')}"
        if found.days:
            yield f"  {min(found.days)} to {max(found.days)}, {_proof(found)}"
            reasons = found.unproven.most_common()
            for message, count in reasons[:_REASONS]:
                yield f"  {plural(count, 'day')} {_not_proven(message)}"
            if len(reasons) > _REASONS:
                rest = sum(count for _, count in reasons[_REASONS:])
                yield f"  {plural(rest, 'day')} not proven for other reasons"
    if report.without_rows:
        yield f"{plural(report.without_rows, 'answer')} without rows: only the API can prove that"


def file_lines(report: ImportReport) -> Iterator[str]:
    """Yield what each file is, whose it is, and which days it has."""
    for name, result in report.files.items():
        yield name
        yield from (f"  {line}" for line in _file(result))


def left_out_lines(report: ImportReport) -> Iterator[str]:
    """Yield what is not imported, with the reasons and some of the files."""
    for reason, names in sorted(report.left_out.items(), key=lambda item: -len(item[1])):
        yield f"  {plural(len(names), 'file')}: {reason}"
        yield f"    {', '.join(names[:_FILES_NAMED])}{' …' if len(names) > _FILES_NAMED else ''}"


def row_lines(reports: Iterable[BuildReport], response_ids: Iterable[int]) -> Iterator[str]:
    """Yield what became of the rows of responses, by dataset and device."""
    wanted = pa.array(sorted(response_ids), pa.int64())
    for report in reports:
        rows = report.accounting
        rows = rows.filter(pc.is_in(rows["response_id"], wanted))
        for device_id in sorted(set(rows["device_id"].to_pylist())):
            of_device = rows.filter(pc.equal(rows["device_id"], device_id))
            counts = {name: pc.sum(of_device[name]).as_py() or 0 for name in _OUTCOMES}
            yield f"{_named((report.dataset, device_id))}: {_outcomes(counts)}"
            if counts["superseded"] or counts["superseding"]:
                yield f"  {report.dataset}_superseded has the other versions"


def _outcomes(counts: Mapping[str, int]) -> str:
    said = [f"{count:,} {_OUTCOMES[name]}" for name, count in counts.items() if count]
    return f"{plural(sum(counts.values()), 'row')}: {', '.join(said)}" if said else "no rows"


def _file(result: FileResult) -> Iterator[str]:
    for subject, found in result.found.items():
        days = ""
        if found.days:
            first, last = min(found.days), max(found.days)
            days = f", {first}" if first == last else f", {first} to {last}"
        yield f"{_named(subject)}{days}: {_rows(found)}"
        for message, count in found.unproven.items():
            days = f"{count:,} days " if count > 1 else ""
            yield f"  {days}{_not_proven(message)}"
    for problem, count in result.problems.items():
        yield f"not imported: {problem}" + (f" ({count:,} times)" if count > 1 else "")
    if result.columns:
        yield f"columns not imported: {', '.join(result.columns)}"
    if result.without_rows:
        yield "no rows"
    if result.is_about_dump:
        yield "describes the dump"


def _named(subject: Subject) -> str:
    dataset, device_id = subject
    return f"{dataset} of {device_id}" if device_id else dataset


def _not_proven(message: str) -> str:
    return f"not proven: {message.removeprefix(IMPORTED)}"


def _counts(found: Found) -> str:
    days = f"{plural(len(found.days), 'day')}, " if found.days else ""
    return f"{days}{_rows(found)}"


def _rows(found: Found) -> str:
    if not found.known_rows:
        return plural(found.rows, "row")
    known = f"{plural(found.known_rows, 'row')} known already"
    return f"{plural(found.rows, 'new row')}, {known}" if found.rows else known


def _proof(found: Found) -> str:
    left = len(found.days - found.proven)
    if not left:
        return "all proven to be whole"
    return f"{len(found.proven):,} proven to be whole, {left:,} not proven"
