"""Corrections of time zones: responses that were requested in another zone than the account's.

The archive keeps the zone that a request was made in, which can turn out to be wrong. Tables and
coverage are computed in the corrected zone, and recomputed when a correction is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import msgspec
import pyarrow as pa

from warehouse.archive import ArchivedResponse
from warehouse.storage.state_file import StateFile

# Account -> zone in the archive -> the account's zone.
Corrections: TypeAlias = Mapping[str, Mapping[str, str]]
STATE_NAME = "zone_corrections"


def stored_corrections(state: StateFile) -> Corrections:
    """Return the corrections of a data folder."""
    return msgspec.convert(state.get(STATE_NAME) or {}, dict[str, dict[str, str]])


def add_correction(state: StateFile, accounts: Iterable[str], old: str, new: str) -> None:
    """Record that the zone of accounts is `new`, and that `old` was used for it until now."""

    def change(stored: object) -> object:
        corrections = msgspec.convert(stored or {}, dict[str, dict[str, str]])
        for account in accounts:
            zones = {zone: new for zone in (*corrections.get(account, {}), old) if zone != new}
            corrections[account] = zones
        return corrections

    state.update(STATE_NAME, change)


def corrected(
    responses: Sequence[ArchivedResponse], corrections: Corrections
) -> Sequence[ArchivedResponse]:
    """Return responses as if they had been requested in the zone of their account."""
    if not corrections:
        return responses
    return [
        replace(response, request_zone=zone)
        if (zone := corrections.get(response.account, {}).get(response.request_zone or ""))
        else response
        for response in responses
    ]


def corrected_zones(
    zones: pa.ChunkedArray, accounts: pa.ChunkedArray, corrections: Corrections
) -> pa.ChunkedArray:
    """Return the zones of requests, corrected by account."""
    if not corrections:
        return zones
    pairs = zip(zones.to_pylist(), accounts.to_pylist(), strict=True)
    corrected = [corrections.get(account, {}).get(zone, zone) for zone, account in pairs]
    return pa.chunked_array([pa.array(corrected, zones.type)])
