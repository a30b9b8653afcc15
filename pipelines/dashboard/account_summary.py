"""What an account has that the dashboard can show: sites, inverters, chargers, tariffs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import duckdb

from givenergy.errors import BudgetStoreError
from givenergy.server_clock import corrected
from pipelines.account_budget import budget_snapshot
from pipelines.dashboard.scope import DashboardDevice, ScopeError
from pipelines.open_folder import stored_account
from pipelines.settings import Settings
from pipelines.suggestions import did_you_mean
from warehouse.connection import fetch_table

_MINUTE = timedelta(minutes=1)
# Without a request for this long nothing is being fetched.
_QUIET = 2 * _MINUTE
_IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Inverter:
    """An inverter.

    Attributes:
        serial: Serial number.
        site: The site that it is at.
        sites: All sites that it is or was at.
        model: Model.
        role: What it counts for in its site.
        first_date: First day with data; None without any.
        last_date: Last day with data.
        zone: Time zone of its days.
    """

    serial: str
    site: str
    sites: tuple[str, ...]
    model: str | None
    role: str | None
    first_date: date | None
    last_date: date | None
    zone: str


@dataclass(frozen=True, slots=True)
class Account:
    """What the account has.

    Attributes:
        inverters: All inverters, in the order of their sites.
        site_days: The first and the last day with data of each site that is or was.
        chargers: The names of the EV chargers by UUID.
        last_fetched_at: When anything was fetched last.
    """

    inverters: tuple[Inverter, ...] = ()
    site_days: Mapping[str, tuple[date, date]] = field(default_factory=dict)
    chargers: Mapping[str, str] = field(default_factory=dict)
    last_fetched_at: datetime | None = None

    @property
    def sites(self) -> tuple[str, ...]:
        """All sites, in order; those that no inverter is at any more come last."""
        present = (inverter.site for inverter in self.inverters)
        return tuple(dict.fromkeys((*present, *self.site_days)))

    def inverters_of(self, site: str) -> tuple[Inverter, ...]:
        """Return the inverters that are at a site, or that were if none is."""
        present = tuple(inverter for inverter in self.inverters if inverter.site == site)
        return present or tuple(inverter for inverter in self.inverters if site in inverter.sites)

    def device(self, of: str | None) -> DashboardDevice | None:
        """Return the device of an address.

        Args:
            of: As in `site:70001` or `inverter:XA0000G000`; None for the first site.

        Raises:
            ScopeError: There is no such device.
        """
        if not self.inverters:
            return None
        if not of:
            return self.site(self.sites[0])
        kind, _, name = of.partition(":")
        if kind == "site" and name in self.sites:
            return self.site(name)
        for inverter in self.inverters if kind == "inverter" else ():
            if inverter.serial == name:
                # One without any data has no role, and its site nothing of it.
                site = self.inverters_of(inverter.site)
                alone = [each for each in site if each.role not in (None, _IGNORED)] == [inverter]
                return DashboardDevice(
                    "inverter",
                    name,
                    inverter.zone,
                    inverter.first_date,
                    inverter.last_date,
                    inverter.site if alone else None,
                )
        known = [f"site:{site}" for site in self.sites]
        known += [f"inverter:{inverter.serial}" for inverter in self.inverters]
        meant = did_you_mean(of, known) or f"Use one such as {known[0]}."
        raise ScopeError(f"of={of!r} is no site or inverter of this data folder. {meant}")

    def site(self, site: str) -> DashboardDevice:
        """Return a site."""
        inverters = self.inverters_of(site)
        with_data = [each for each in inverters if each.first_date]
        first_date, last_date = self.site_days.get(site, (None, None))
        zone = (with_data or inverters)[0].zone
        return DashboardDevice("site", site, zone, first_date, last_date, site)


def read_account(connection: duckdb.DuckDBPyConnection, zone: str) -> Account:
    """Return what an account has.

    Args:
        connection: The catalogue.
        zone: The time zone of devices of which no other is known.
    """
    rows = _rows(connection, "devices")
    inverters = tuple(
        Inverter(
            serial=row["inverter_serial"],
            site=row["site"],
            sites=tuple(each["site"] for each in row["sites"]),
            model=row["model"],
            role=row["role"],
            first_date=row["first_date"],
            last_date=row["last_date"],
            zone=row["zone"] or zone,
        )
        for row in rows
    )
    site_days = {
        each["site"]: (each["first_date"], each["last_date"])
        for row in rows
        for each in row["sites"]
        if each["first_date"]
    }
    chargers = {row["charger_uuid"]: row["name"] for row in _rows(connection, "chargers")}
    (fetched,) = _rows(connection, "last_fetched")
    return Account(inverters, site_days, chargers, fetched["last_fetched_at"])


def tariffs_on(connection: duckdb.DuckDBPyConnection, today: date) -> list[dict[str, Any]]:
    """Return the loaded tariffs, whether each is in force on a day, and whether it ever is."""
    return _rows(connection, "tariffs", {"today": today})


def ingestion_state(settings: Settings, now: datetime) -> dict[str, object]:
    """Return whether requests are being sent, by the request budget that all processes share.

    Args:
        settings: Where the data folder is.
        now: The present time.

    Returns:
        `is_running`, and `since` when without a pause; None if nothing runs.
    """
    account = stored_account(settings)
    try:
        budget = None if account is None else budget_snapshot(settings, account)
    except BudgetStoreError:
        budget = None
    quiet: dict[str, object] = {"is_running": False, "since": None}
    if budget is None:
        return quiet
    since = now
    for minute in reversed(budget.history):
        # Minutes are counted by this machine's clock.
        start = corrected(minute.start)
        if minute.sent == 0 or since - start > _QUIET:
            break
        since = start
    if since == now and not budget.in_flight and not any(budget.waiting.values()):
        return quiet
    return {"is_running": True, "since": since.astimezone(UTC)}


def _rows(
    connection: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    return list(fetch_table(connection, _sql(name), values).to_pylist())


@cache
def _sql(name: str) -> str:
    folder = resources.files("pipelines.dashboard").joinpath("account_sql")
    return folder.joinpath(f"{name}.sql").read_text(encoding="utf-8")
