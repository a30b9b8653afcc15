"""The statistics of an export: what is measured of which device, and what was written of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)


class SubjectKind(StrEnum):
    """What a statistic is about."""

    SITE = "site"
    INVERTER = "inverter"
    CHARGER = "charger"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured.

    Attributes:
        name: Ending of the statistic's ID, and the queries' column.
        title: Its name for people.
        is_money: Whether it is an amount of money; else energy in kWh.
    """

    name: str
    title: str
    is_money: bool = False


ENERGIES = (
    Measure("solar", "solar"),
    Measure("grid_import", "grid import"),
    Measure("grid_export", "grid export"),
    Measure("battery_charge", "battery charge"),
    Measure("battery_discharge", "battery discharge"),
)
COSTS = (
    Measure("import_cost", "cost of grid import", is_money=True),
    Measure("export_income", "income from grid export", is_money=True),
)
CAR = (Measure("ev", "car charging"),)


@dataclass(frozen=True, slots=True)
class Subject:
    """A site or device that has statistics.

    Attributes:
        device: Its ID in the queries.
        kind: What it is.
        name: Beginning of its statistics' IDs.
        label: Its name for people.
        site: The site whose figures its statistics are; None for a part of a site.
    """

    device: str
    kind: SubjectKind
    name: str
    label: str
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of one statistic.

    Attributes:
        statistic_id: Its ID.
        subject: What it is about.
        measure: What is measured.
        unit: kWh, or a currency.
        hours: Number of its hours.
        first_at: Its first hour.
        last_at: Its last hour.
        total: Its last sum.
        may_fall: Whether its sum falls somewhere.
        gaps: First and last hour that are missing in between.
        counted_days: Days of which the rest is in their last full hour.
    """

    statistic_id: str
    subject: Subject
    measure: Measure
    unit: str
    hours: int
    first_at: datetime
    last_at: datetime
    total: float
    may_fall: bool
    gaps: tuple[tuple[datetime, datetime], ...]
    counted_days: tuple[date, ...]

    @property
    def missing_hours(self) -> int:
        """Return the number of hours that are missing in between."""
        return sum((last - first) // HOUR + 1 for first, last in self.gaps)


@dataclass(frozen=True, slots=True)
class DerivedHours:
    """The hours of a site or inverter that are derived from data points.

    Attributes:
        hours: Their number.
        first: First local day of one.
        last: Last local day of one.
    """

    hours: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Content:
    """What an export contains, for the guide.

    Attributes:
        written: Its statistics.
        currency: ISO code of the currency of the tariffs.
        zeros: Statistics that were left out as all of their hours are 0.
        uncertain_sites: By site without a known meter on some days, the number of days.
        has_sites: Whether a site is in it as a whole, so that its costs were looked for.
        unpriced_sites: Sites without any hour of known cost.
        in_home: By charger, whether its energy is in the home's; None if unknown.
        replaced: By inverter that has no statistics of its own, the site that has the same.
        without_full_hours: Inverters without statistics for their time zone.
        derived: By site or inverter, what is derived of it.
        options: Options that the export was made with, but for `--start`.
        is_partial: Whether the days or devices were limited.
        begins_later: Whether `--start` leaves out hours before.
        with_days: Whether days known from counters were added.
    """

    written: tuple[Written, ...]
    currency: str
    zeros: tuple[str, ...]
    uncertain_sites: Mapping[str, int]
    has_sites: bool
    unpriced_sites: tuple[str, ...]
    in_home: Mapping[str, bool | None]
    replaced: Mapping[str, str]
    without_full_hours: Sequence[str]
    derived: Mapping[str, DerivedHours]
    options: tuple[str, ...]
    is_partial: bool
    begins_later: bool
    with_days: bool
