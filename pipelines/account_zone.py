"""The time zone of the days: the owner's setting, else the account's, else the default.

What the API sends is used only if it is an IANA name. When the zone changes, tables and coverage
are computed again from the archive, without a request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from assets.framework.decoding.decoder import decoders
from assets.registry import daily_datasets, datasets
from givenergy.server_clock import utc_now
from givenergy.time_zones import usable_zone
from pipelines.known_devices import expect, last_discovery
from pipelines.settings import Settings
from warehouse.coverage import refresh_coverage
from warehouse.lake import Lake
from warehouse.table_repair import repair_tables
from warehouse.zone_corrections import add_correction

if TYPE_CHECKING:
    from givenergy.account_identity import AccountIdentity

ACCOUNT_ZONE = "account_zone"
_SENT = "account_zone_sent"
# A zone that is known is requested again after a day, in case the account has got another one.
_KNOWN_MAX_AGE = timedelta(days=1)
_LOG = logging.getLogger(__name__)


class SentZone(msgspec.Struct, frozen=True):
    """What the API last sent as the account's zone.

    Attributes:
        at: When it was requested, UTC.
        zone: The account's zone, None if it is not known.
        unusable: What was sent in place of an IANA name, as JSON; "" if the account cannot be read.
    """

    at: datetime
    zone: str | None
    unusable: str | None = None


def sent_zone(stored: Mapping[str, Any]) -> SentZone | None:
    """Return what the API last sent, from the state of a data folder; None if nothing is stored."""
    sent = stored.get(_SENT)
    return None if sent is None else msgspec.convert(sent, SentZone)


def zone_of(settings: Settings, stored: Mapping[str, Any]) -> str:
    """Return the time zone of the days.

    Args:
        settings: GIVLAKE_TIMEZONE outranks the account's zone if it is set.
        stored: The state of the data folder.
    """
    if settings.is_zone_set:
        return settings.zone
    # An earlier version stored zones as the API sent them.
    return usable_zone(stored.get(ACCOUNT_ZONE)) or settings.zone


def is_zone_due(
    stored: Mapping[str, Any], zone: str | None, unknown_max_age: timedelta, now: datetime
) -> bool:
    """Return whether to request the account again: until its zone is known, then daily."""
    sent = sent_zone(stored)
    if sent is None:
        return zone is None
    # A moment ago can lie ahead: the present goes back where a clock is corrected.
    return abs(now - sent.at) >= (unknown_max_age if zone is None else _KNOWN_MAX_AGE)


def store_zone(lake: Lake, settings: Settings, account: AccountIdentity) -> str:
    """Store an account's zone if the API has just sent it; return the zone of the days.

    Args:
        lake: The data folder.
        settings: GIVLAKE_TIMEZONE outranks the account's zone if it is set.
        account: The account of the token.
    """
    stored = lake.state.all()
    if account.requested or _SENT not in stored:
        unusable = account.sent_timezone
        if account.timezone is None and unusable is None:
            unusable = ""
        sent = SentZone(utc_now(), account.timezone, unusable)
        lake.state.set(_SENT, msgspec.to_builtins(sent))
    zone = settings.zone if settings.is_zone_set else account.timezone or settings.zone
    # Imported days of a folder that had no account yet are those of its account.
    use_zone(lake, zone, (account.budget_key, account.token_key, ""))
    return zone


def use_zone(lake: Lake, zone: str, accounts: Sequence[str]) -> None:
    """Use a zone for the days of accounts; recompute tables and coverage if it is another one."""
    before = lake.state.get(ACCOUNT_ZONE)
    if before == zone:
        return
    # First, so that a process that dies here does not lose it; it can be added twice.
    if isinstance(before, str):
        add_correction(lake.state, accounts, before, zone)
    lake.state.set(ACCOUNT_ZONE, zone)
    if not isinstance(before, str):
        return
    _LOG.warning(
        "Days are in the time zone %s from now on, which were in %s: tables and coverage are"
        " rebuilt from the archive, without a request",
        zone,
        before,
    )
    if last_discovery(lake) is not None:
        expect(lake, zone)
    repair_tables(lake, decoders(datasets()))
    refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])


def zone_notice(settings: Settings, stored: Mapping[str, Any]) -> str | None:
    """Return a sentence if the API sends no usable zone, so that the days may be in a wrong one."""
    sent = sent_zone(stored)
    if sent is None or sent.unusable is None or settings.is_zone_set:
        return None
    zone = zone_of(settings, stored)
    known = sent.zone is not None
    advice = "" if known else "; set GIVLAKE_TIMEZONE if that is not the account's time zone."
    return f"{_what_was_sent(sent)}: days are in {zone}{', as before.' if known else advice}"


def zone_difference(settings: Settings, stored: Mapping[str, Any]) -> str | None:
    """Return a sentence if the zone that the owner has set is not the account's."""
    sent = sent_zone(stored)
    if sent is None or not settings.is_zone_set or sent.zone == settings.zone:
        return None
    said = _what_was_sent(sent) if sent.zone is None else f"The account's time zone is {sent.zone}"
    return f"{said}: days are in {settings.zone}, as GIVLAKE_TIMEZONE is set."


def _what_was_sent(sent: SentZone) -> str:
    if not sent.unusable:
        return "The token may not read the account's time zone"
    if sent.unusable in ("null", '""'):
        return "The API sends no time zone of the account"
    return f"The API sends the account's time zone as {sent.unusable}, which is not an IANA name"
