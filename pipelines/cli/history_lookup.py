"""Look up when the history of inverters begins, for `plan` and `backfill`."""

from dataclasses import replace

from assets.framework.contract.devices import Devices
from assets.framework.ingestion.session import Session
from pipelines.cli.backfill_scope import Scope
from pipelines.cli.common import console, printable
from pipelines.discovery import known_state_of
from pipelines.history_search import search_history, unsearched
from pipelines.known_devices import Discovery, expect, extended_by_data
from pipelines.selection import daily, lists_for

_OUT = console()
# `plan` keeps no answers, so it looks up the beginning of history of so few inverters only.
_MOST_SEARCHED_BY_PLAN = 20


def look_up_history(session: Session, scope: Scope, discovery: Discovery) -> Discovery:
    """Look up when the history of the command's inverters begins; return the extended devices."""
    devices = discovery.choose(scope.device_ids)
    if not daily(scope.chosen) or not unsearched(known_state_of(session, devices)):
        return discovery
    if (failure := search_history(session, devices)) is not None:
        _OUT.print(printable(failure))
    devices, _ = expect(session.lake, session.zone, lists_for(scope.chosen))
    return replace(discovery, devices=devices)


def look_up_for_plan(session: Session, known: Session, scope: Scope, devices: Devices) -> Devices:
    """Look it up for `plan`, whose answers are not kept: only if it takes few requests."""
    if not daily(scope.chosen):
        return devices
    left = unsearched(known_state_of(known, devices))
    if len(left) > _MOST_SEARCHED_BY_PLAN:
        _OUT.print(
            f"When the history of {len(left):,} inverters begins is looked up by the backfill: it"
            " may have days before their listed commissioning, which are not counted here."
        )
        return devices
    if left:
        unknown = {request.device_id for request in left}
        searched = {
            kind: [device for device in of_kind if device.device_id in unknown]
            for kind, of_kind in devices.items()
        }
        if (failure := search_history(session, searched)) is not None:
            _OUT.print(printable(failure))
    return extended_by_data(session.lake, devices)
