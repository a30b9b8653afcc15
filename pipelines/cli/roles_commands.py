"""`givlake roles`: what each inverter counts for in the figures of its site."""

from collections.abc import Mapping
from datetime import UTC
from importlib import resources
from typing import Any

import click

from givenergy.server_clock import utc_now
from pipelines.cli.common import (
    EXIT_USAGE,
    KnownError,
    console,
    format_option,
    opened_for_reading,
    require_store,
    table,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.formats import as_csv, as_json
from pipelines.cli.stored_device_names import stored_device_names
from pipelines.device_lookup import resolve_devices
from pipelines.device_roles import roles_set, set_role
from pipelines.open_folder import open_lake
from pipelines.settings import Settings
from warehouse import owner_inputs
from warehouse.connection import connect, retrying
from warehouse.lake import Lake
from warehouse.read_only import ReadOnlyLake

_OUT = console()
_COLUMNS = ("device_id", "model", "site", "role", "set_at")


@click.command("list")
@format_option("json", "csv")
@pass_settings
def roles_list_command(settings: Settings, layout: str) -> None:
    """List the inverters and what each counts for in its site."""
    with opened_for_reading(settings, warn_if_empty=False, may_be_absent=True) as lake:
        rows = _rows(lake)
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_COLUMNS, rows), nl=False)
    elif not rows:
        _OUT.print("No inverters are known yet: start with givlake backfill.")
    else:
        lines = [
            [
                row["device_id"],
                row["model"] or "",
                row["site"] or "",
                row["role"] or "no data",
                f"{row['set_at'].astimezone(UTC):%Y-%m-%d}" if row["set_at"] else "",
            ]
            for row in rows
        ]
        _OUT.print(table(["inverter", "model", "site", "role", "set on"], lines))
        _OUT.print(f"Set with: givlake roles set INVERTER {'|'.join(owner_inputs.ROLES)}")


@click.command("set")
@click.argument("device", metavar="INVERTER")
@click.argument("role", metavar="ROLE", type=click.Choice(owner_inputs.ROLES))
@pass_settings
def roles_set_command(settings: Settings, device: str, role: str) -> None:
    """Set the role of an inverter, by serial number or alias.

    \b
    whole_site  its figures are those of the whole site, as of a Gateway
    grid_meter  counted, and its import and export are those of the site
    member      its solar and battery are added; its import and export are not
    ignored     not counted
    """  # noqa: D301
    device_id = _stored_id(settings, device, {})
    with open_lake(settings) as lake:
        if device_id not in {inverter for inverter, *_ in _inverters(lake)}:
            message = f"{device} is no inverter: only inverters have a role in their site."
            raise KnownError(message, EXIT_USAGE)
        set_role(lake, device_id, role, utc_now())
        note = _counted_twice(device_id, _inverters(lake))
    _OUT.print(f"{device_id} counts as {role}.")
    if note is not None:
        tell(note)


@click.command("clear")
@click.argument("device", metavar="INVERTER")
@pass_settings
def roles_clear_command(settings: Settings, device: str) -> None:
    """Remove the role of an inverter."""
    require_store(settings)
    known = roles_set(settings.data)
    device_id = _stored_id(settings, device, {name: {name} for name in known})
    if device_id not in known:
        _OUT.print(f"{device_id} has no role: nothing to do.")
        return
    with open_lake(settings) as lake:
        set_role(lake, device_id, None, utc_now())
    _OUT.print(f"{device_id} has no role any more.")


def _stored_id(settings: Settings, wanted: str, others: Mapping[str, set[str]]) -> str:
    """Return the identifier of a device.

    Args:
        settings: Where the data folder is.
        wanted: Its name, as the owner writes it.
        others: Identifiers by name, of devices that may have no data any more.

    Raises:
        KnownError: There is no data folder.
        UnknownDeviceError: No device or several devices have the name.
    """
    require_store(settings)
    with opened_for_reading(settings, warn_if_empty=False) as lake, connect(lake) as connection:
        names = {**others, **retrying(lambda: stored_device_names(connection))}
    return resolve_devices([wanted], names)[0]


def _counted_twice(device_id: str, inverters: list[tuple[Any, ...]]) -> str | None:
    """Return what to check if a device is counted beside one that counts as the whole site."""
    sites = {inverter: site for inverter, site, *_ in inverters}
    own = [row for row in inverters if row[1] == sites[device_id]]
    whole = [inverter for inverter, *_, role in own if role == "whole_site"]
    counted = [inverter for inverter, *_, role in own if role not in (None, "ignored")]
    if not whole or len(counted) < 2:
        return None
    others = ", ".join(inverter for inverter in counted if inverter != whole[0])
    return (
        f"{whole[0]} counts as the whole site and {others} in addition to it: if its figures"
        f" include theirs, set them to ignored."
    )


def _rows(lake: ReadOnlyLake) -> list[dict[str, Any]]:
    """Return a row for each inverter, and for each other device that has a role."""
    roles = roles_set(lake.folder)
    known = {device_id: rest for device_id, *rest in _inverters(lake)}
    rows = []
    for device_id in sorted({*known, *roles}):
        site, model, role = known.get(device_id, (None, None, None))
        set_role, set_at = roles.get(device_id, (None, None))
        values = (device_id, model, site, set_role or role, set_at)
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return rows


def _inverters(lake: Lake | ReadOnlyLake) -> list[tuple[Any, ...]]:
    sql = resources.files("pipelines.cli").joinpath("sql", "device_roles.sql").read_text()
    with connect(lake) as connection:
        return retrying(lambda: connection.sql(sql).fetchall())
