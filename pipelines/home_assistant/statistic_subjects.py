"""Which sites and devices have statistics, so that nothing is there twice."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from pipelines.home_assistant.hourly_values import sql
from pipelines.home_assistant.statistic import Subject, SubjectKind
from pipelines.home_assistant.statistic_names import unique_names
from warehouse.connection import retrying

_LABEL_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Subjects:
    """What has statistics, and why others have none.

    Attributes:
        energies: Sites, inverters and EV chargers with energies.
        costs: Sites with costs; `device` is the site.
        uncertain_sites: By site without a known meter on some days, the number of days.
        replaced: By inverter without statistics of its own, the site that has the same.
        without_full_hours: Inverters without statistics for their time zone.
    """

    energies: Sequence[Subject]
    costs: Sequence[Subject]
    uncertain_sites: Mapping[str, int]
    replaced: Mapping[str, str]
    without_full_hours: Sequence[str]


def choose_subjects(
    connection: duckdb.DuckDBPyConnection,
    first: date,
    last: date,
    devices: Sequence[str] | None,
) -> Subjects:
    """Choose the sites and devices that have statistics.

    A site has its own unless one inverter alone has always been it, whose statistics they then
    are; an inverter that is all of a site of its own statistics has none, as they would be the
    same. Names do not depend on what is chosen.

    Args:
        connection: A catalogue.
        first: First local day of the export.
        last: Last local day of the export.
        devices: Only these devices, and sites of which all inverters that were ever counted are
            among them. None for all.
    """
    members = _rows(connection, "site_inverters", {"first": first, "last": last})
    chargers = dict(_rows(connection, "chargers", {}))
    inverters_of: dict[str, list[str]] = defaultdict(list)
    sites_of: dict[str, list[str]] = defaultdict(list)
    counted_in: dict[str, list[str]] = defaultdict(list)
    uncertain: dict[str, int] = defaultdict(int)
    without_full_hours = set()
    for site, serial, _, was_counted, has_no_full_hours, uncertain_days in members:
        inverters_of[site].append(serial)
        sites_of[serial].append(site)
        if was_counted:
            counted_in[site].append(serial)
        if has_no_full_hours:
            without_full_hours.add(serial)
        uncertain[site] = max(uncertain[site], uncertain_days)

    chosen = set(sites_of if devices is None else devices)
    whole = [
        site for site, serials in counted_in.items() if chosen - without_full_hours >= set(serials)
    ]
    stands_for = {
        serial: site
        for site, serial, is_alone, *_ in members
        if is_alone and len(inverters_of[site]) == 1 and len(sites_of[serial]) == 1
    }
    own = set(whole) - set(stands_for.values())
    subjects = _named(inverters_of, sites_of, chargers, stands_for)
    partly = {serial for site, serial, is_alone, *_ in members if site not in own or not is_alone}
    chosen_inverters = [
        serial for serial in sites_of if serial in chosen and serial not in without_full_hours
    ]
    return Subjects(
        energies=[
            *(subjects[SubjectKind.SITE, site] for site in whole if site in own),
            *(
                subjects[SubjectKind.INVERTER, serial]
                for serial in chosen_inverters
                if serial in partly
            ),
            *(
                subjects[SubjectKind.CHARGER, uuid]
                for uuid in chargers
                if devices is None or uuid in chosen
            ),
        ],
        costs=[
            subjects[SubjectKind.SITE, site]
            if site in own
            else _costs_of_only(site, subjects[SubjectKind.INVERTER, inverters_of[site][0]])
            for site in whole
        ],
        uncertain_sites={site: uncertain[site] for site in whole if uncertain[site]},
        replaced={
            serial: ", ".join(sites_of[serial])
            for serial in chosen_inverters
            if serial not in partly
        },
        without_full_hours=sorted(without_full_hours & chosen),
    )


def _named(
    inverters_of: Mapping[str, Sequence[str]],
    sites_of: Mapping[str, Sequence[str]],
    chargers: Mapping[str, str | None],
    stands_for: Mapping[str, str],
) -> dict[tuple[SubjectKind, str], Subject]:
    """Return all sites and devices with their names, by kind and ID."""
    texts = {
        **{(SubjectKind.SITE, site): f"site {site}" for site in inverters_of},
        **{(SubjectKind.INVERTER, serial): serial for serial in sites_of},
        **{(SubjectKind.CHARGER, uuid): serial or uuid for uuid, serial in chargers.items()},
    }
    titles = {SubjectKind.INVERTER: "Inverter ", SubjectKind.CHARGER: "EV charger "}
    names = unique_names(texts)
    subjects = {}
    for key, text in texts.items():
        kind, device = key
        site = device if kind is SubjectKind.SITE else None
        if kind is SubjectKind.INVERTER:
            site = stands_for.get(device)
        label = f"{titles.get(kind, '')}{text[:_LABEL_LENGTH]}"
        label = label[:1].upper() + label[1:]
        subjects[key] = Subject(device, kind, names[key], label, site)
    return subjects


def _costs_of_only(site: str, inverter: Subject) -> Subject:
    """Return a site's subject with the name of its only inverter."""
    return Subject(site, SubjectKind.SITE, inverter.name, inverter.label, site)


def _rows(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    return retrying(lambda: connection.execute(sql(query), dict(parameters)).fetchall())
