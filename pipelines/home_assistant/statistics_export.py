"""The export for Home Assistant: all of its files, from the marts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

from pipelines.home_assistant.dashboard_guide import GUIDE, guide
from pipelines.home_assistant.hourly_values import (
    HourlyValues,
    HourRange,
    hourly_costs,
    hourly_energies,
    whole_hour,
)
from pipelines.home_assistant.statistic import (
    CAR,
    COSTS,
    ENERGIES,
    HOUR,
    Content,
    DerivedHours,
    Measure,
    SubjectKind,
    Written,
)
from pipelines.home_assistant.statistic_names import SOURCE
from pipelines.home_assistant.statistic_subjects import Subjects, choose_subjects
from pipelines.home_assistant.statistics_files import (
    ENERGY_UNIT,
    JSON_LINES,
    TSV,
    StatisticsFiles,
    statistics_files,
)
from warehouse.connection import connect
from warehouse.errors import WarehouseError
from warehouse.export import ExportReport
from warehouse.export.target import new_folder, write_checksums
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.verification.canonical_form import Days


class NothingToExportError(WarehouseError):
    """No hour of the chosen days and devices is known; the message says what to do."""


@dataclass(slots=True)
class _Progress:
    """What was written so far."""

    written: list[Written] = field(default_factory=list)
    zeros: list[str] = field(default_factory=list)
    in_home: dict[str, bool | None] = field(default_factory=dict)
    derived: dict[str, DerivedHours] = field(default_factory=dict)


def export_statistics(
    lake: Lake,
    target: Path,
    *,
    now: datetime,
    currency: str,
    days: Days | None = None,
    devices: Sequence[str] | None = None,
    with_days: bool = False,
    overwrite: bool = False,
) -> ExportReport:
    """Write the statistics, a guide to importing them, and checksums.

    Args:
        lake: The data folder, with a catalogue.
        target: The folder to create.
        now: The present time.
        currency: ISO code of the currency of the tariffs.
        days: Only hours of these local days. None for all.
        devices: Only these inverters and EV chargers, and sites of which all inverters that were
            ever counted are among them. None for all.
        with_days: Whether days of which only the counters are known are put into their last hour.
        overwrite: Whether to replace an earlier export.

    Raises:
        NothingToExportError: No hour is known.
        StoreError: `target` contains something else, or the disk is full or not writable.
    """
    days = days or Days()
    hours = HourRange(days.first or date.min, days.last or date.max, whole_hour(now))
    progress = _Progress()
    with connect(lake) as connection, new_folder(lake, target, overwrite=overwrite) as folder:
        connection.execute("SET TimeZone = 'UTC'")
        subjects = choose_subjects(connection, hours.first, hours.last, devices)
        with statistics_files(folder) as files:
            for values in hourly_energies(
                connection, subjects.energies, hours, with_days=with_days
            ):
                is_car = values.subject.kind is SubjectKind.CHARGER
                _write(files, values, CAR if is_car else ENERGIES, ENERGY_UNIT, progress)
                if is_car:
                    progress.in_home[values.subject.device] = values.is_in_home
                elif derived := values.derived:
                    progress.derived[values.subject.label] = derived
            priced = set()
            for values in hourly_costs(connection, subjects.costs, hours, currency):
                if _write(files, values, COSTS, currency, progress):
                    priced.add(values.subject.site)
        if not progress.written:
            raise NothingToExportError(_nothing(days, devices, subjects, progress))
        content = Content(
            written=tuple(progress.written),
            currency=currency,
            zeros=tuple(progress.zeros),
            uncertain_sites=subjects.uncertain_sites,
            has_sites=bool(subjects.costs),
            unpriced_sites=tuple(
                subject.label for subject in subjects.costs if subject.site not in priced
            ),
            in_home=progress.in_home,
            replaced=subjects.replaced,
            without_full_hours=subjects.without_full_hours,
            derived=progress.derived,
            options=_options(days, devices, with_days=with_days),
            is_partial=devices is not None or days != Days(),
            begins_later=days.first is not None,
            with_days=with_days,
        )
        (folder / GUIDE).write_text(guide(content), encoding="utf-8")
        names = (TSV, JSON_LINES, GUIDE)
        write_checksums(folder, ((sha256_of(folder / name), name) for name in names))
    return ExportReport(files=len(names) + 1, rows=files.rows)


def _options(days: Days, devices: Sequence[str] | None, *, with_days: bool) -> tuple[str, ...]:
    """Return the options to repeat in a later export."""
    options = ["--with-days"] if with_days else []
    options += [] if days.last is None else [f"--end {days.last}"]
    return (*options, *(f"--device {device}" for device in devices or ()))


def _nothing(
    days: Days, devices: Sequence[str] | None, subjects: Subjects, progress: _Progress
) -> str:
    limits = " of the chosen days" if days != Days() else ""
    limits += " of the chosen devices" if devices is not None else ""
    if progress.zeros:
        return f"all known hours{limits} are 0: there is no energy in those days to export"
    if progress.in_home and len(progress.in_home) == len(subjects.energies):
        return (
            f"no EV charger has energy in an hour{limits}: choose days with charging sessions that"
            " have ended, see `givlake query 'FROM ev_sessions'`"
        )
    if subjects.without_full_hours and not subjects.energies:
        return (
            f"the time zone of inverter {subjects.without_full_hours[0]} is 15 or 45 minutes off"
            " full hours, of which Home Assistant's statistics are: it cannot be exported"
        )
    return (
        f"no whole hour{limits} is known, so there is nothing to export: fetch the history with"
        " `givlake backfill`, and see `givlake status` for what is missing"
    )


def _write(
    files: StatisticsFiles,
    values: HourlyValues,
    measures: Sequence[Measure],
    unit: str,
    progress: _Progress,
) -> bool:
    """Write the statistics of a subject; return whether one of them has hours."""
    has_hours = False
    for measure in measures:
        hours = values.values(measure)
        if not hours:
            continue
        has_hours = True
        subject = values.subject
        statistic_id = f"{SOURCE}:{subject.name}_{measure.name}"
        if not any(hours.values()):
            progress.zeros.append(statistic_id)
            continue
        sums = files.write(statistic_id, f"{subject.label} {measure.title}", unit, hours)
        starts = list(hours)
        progress.written.append(
            Written(
                statistic_id=statistic_id,
                subject=subject,
                measure=measure,
                unit=unit,
                hours=len(hours),
                first_at=starts[0],
                last_at=starts[-1],
                total=sums[-1],
                may_fall=min(hours.values()) < 0,
                gaps=tuple(_gaps(starts)) if subject.kind is not SubjectKind.CHARGER else (),
                counted_days=tuple(values.counted_days[measure.name]),
            )
        )
    return has_hours


def _gaps(starts: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the first and the last hour of each gap between hours."""
    for one, following in pairwise(starts):
        if following - one > HOUR:
            yield one + HOUR, following - HOUR
