"""The export for Home Assistant: which sites and devices have statistics, and all files of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from pipelines.home_assistant.dashboard_guide import GUIDE, guide
from pipelines.home_assistant.hourly_values import (
    HourlyValues,
    HourRange,
    hourly_costs,
    hourly_energies,
    sql,
    whole_hour,
)
from pipelines.home_assistant.statistic import (
    CAR,
    COSTS,
    ENERGIES,
    HOUR,
    Content,
    Measure,
    Subject,
    SubjectKind,
    Written,
)
from pipelines.home_assistant.statistic_names import SOURCE, unique_names
from pipelines.home_assistant.statistics_files import (
    ENERGY_UNIT,
    JSON_LINES,
    TSV,
    StatisticsFiles,
    statistics_files,
)
from warehouse import Days, ExportReport, Lake, WarehouseError, connect, retrying
from warehouse.export.target import new_folder, write_checksums
from warehouse.storage.atomic_files import sha256_of

_LABEL_LENGTH = 100


class NothingToExportError(WarehouseError):
    """No hour of the chosen days and devices is known; the message says what to do."""


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What has statistics, and why others have none."""

    energies: Sequence[Subject]
    costs: Sequence[Subject]
    uncertain_sites: Mapping[str, int]
    replaced: Mapping[str, str]


@dataclass(slots=True)
class _Progress:
    """What was written so far."""

    written: list[Written] = field(default_factory=list)
    zeros: list[str] = field(default_factory=list)
    in_home: dict[str, bool | None] = field(default_factory=dict)


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
        devices: Only these inverters and EV chargers, and sites of which all inverters are among
            them. None for all.
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
        subjects = _subjects(connection, hours, devices)
        with statistics_files(folder) as files:
            for values in hourly_energies(
                connection, subjects.energies, hours, with_days=with_days
            ):
                is_car = values.subject.kind is SubjectKind.CHARGER
                _write(files, values, CAR if is_car else ENERGIES, ENERGY_UNIT, progress)
                if is_car:
                    progress.in_home[values.subject.device] = values.is_in_home
            priced = set()
            for values in hourly_costs(connection, subjects.costs, hours, currency):
                if _write(files, values, COSTS, currency, progress):
                    priced.add(values.subject.site)
        if not progress.written:
            raise NothingToExportError(_nothing(days, devices))
        content = Content(
            written=tuple(progress.written),
            currency=currency,
            zeros=tuple(progress.zeros),
            uncertain_sites=subjects.uncertain_sites,
            unpriced_sites=tuple(
                subject.label for subject in subjects.costs if subject.site not in priced
            ),
            in_home=progress.in_home,
            replaced=subjects.replaced,
            is_partial=devices is not None or days != Days(),
            begins_later=days.first is not None,
            with_days=with_days,
        )
        (folder / GUIDE).write_text(guide(content), encoding="utf-8")
        names = (TSV, JSON_LINES, GUIDE)
        write_checksums(folder, ((sha256_of(folder / name), name) for name in names))
    return ExportReport(files=len(names) + 1, rows=files.rows)


def _nothing(days: Days, devices: Sequence[str] | None) -> str:
    limits = " of the chosen days" if days != Days() else ""
    limits += " of the chosen devices" if devices is not None else ""
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


def _subjects(
    connection: duckdb.DuckDBPyConnection, hours: HourRange, devices: Sequence[str] | None
) -> _Subjects:
    """Choose the sites and devices that have statistics.

    A site has its own where it is more than one inverter; an inverter that is all of such a site
    has none, as they would be the same.
    """
    members = _rows(connection, "site_inverters", {"first": hours.first, "last": hours.last})
    chargers = _rows(connection, "chargers", {})
    inverters_of: dict[str, list[str]] = {}
    sites_of: dict[str, list[str]] = {}
    for site, serial, *_ in members:
        inverters_of.setdefault(site, []).append(serial)
        sites_of.setdefault(serial, []).append(site)
    chosen = {
        site: devices is None or set(serials) <= set(devices)
        for site, serials in inverters_of.items()
    }
    own = {
        site
        for site, serials in inverters_of.items()
        if chosen[site] and (len(serials) > 1 or len(sites_of[serials[0]]) > 1)
    }
    partly = {serial for site, serial, _, is_alone, _ in members if site not in own or not is_alone}
    charger_texts = {uuid: serial or uuid for uuid, serial in chargers}
    if len(set(charger_texts.values())) < len(charger_texts):
        charger_texts = {uuid: uuid for uuid in charger_texts}
    # All devices have a part in the names, so that they do not depend on what is chosen.
    site_text = {site: f"site {site}" for site in inverters_of}
    names = unique_names([*site_text.values(), *sites_of, *charger_texts.values()])
    sites = {
        site: Subject(site, SubjectKind.SITE, names[site_text[site]], _label("Site", site), site)
        for site in inverters_of
    }
    inverters = {
        serial: Subject(
            serial,
            SubjectKind.INVERTER,
            names[serial],
            _label("Inverter", serial),
            only
            if len(of) == 1 and (only := of[0]) not in own and len(inverters_of[only]) == 1
            else None,
        )
        for serial, of in sites_of.items()
        if devices is None or serial in devices
    }
    energies = [
        *(sites[site] for site in sites if site in own),
        *(inverter for serial, inverter in inverters.items() if serial in partly),
        *(
            Subject(uuid, SubjectKind.CHARGER, names[text], _label("EV charger", text))
            for uuid, text in charger_texts.items()
            if devices is None or uuid in devices
        ),
    ]
    costs = [
        Subject(site, SubjectKind.SITE, subject.name, subject.label, site)
        for site in inverters_of
        if chosen[site]
        for subject in [sites[site] if site in own else inverters[inverters_of[site][0]]]
    ]
    uncertain = {
        site: max(days for of, _, _, _, days in members if of == site)
        for site in inverters_of
        if chosen[site]
    }
    return _Subjects(
        energies=energies,
        costs=costs,
        uncertain_sites={site: days for site, days in uncertain.items() if days},
        replaced={
            serial: ", ".join(sites_of[serial]) for serial in inverters if serial not in partly
        },
    )


def _label(kind: str, text: str) -> str:
    return f"{kind} {text[:_LABEL_LENGTH]}"


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    return retrying(lambda: connection.execute(sql(query), dict(parameters)).fetchall())
