"""The hash of the rows behind a report, which anybody can compute again from a manifest.

Hashed are the rows of all tables with a time, not files, states or the date: the hash stays the
same after a rebuild, in a copy of the folder and in a later version of givlake, as long as the rows
are the same. Tables of entities are left out, because they grow when a device gets another name.
`docs/report.md` describes it for third parties.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from assets.framework.decoding.decoder import decoders
from assets.registry import datasets
from pipelines.device_columns import device_columns
from warehouse.interface.device_limit import DeviceLimit
from warehouse.lake import Lake
from warehouse.verification.canonical_form import Days
from warehouse.verification.manifest import make_manifest


@dataclass(frozen=True, slots=True)
class RowsHash:
    """The hash of rows.

    Attributes:
        sha256: The hash as hex.
        rows: Number of rows by table, of tables with rows.
    """

    sha256: str
    rows: dict[str, int]


def rows_hash(lake: Lake, device_ids: Sequence[str], first: date, last: date) -> RowsHash:
    """Return the hash of the rows of some devices and days.

    Args:
        lake: The data folder, with a catalogue.
        device_ids: Identifiers of the devices.
        first: The first day.
        last: The last day.

    Raises:
        StoreError: The disk is full or not writable.
    """
    limit = DeviceLimit(tuple(device_ids), device_columns())
    manifest = make_manifest(lake, decoders(datasets()), (), Days(first, last), limit)
    return hash_of_manifest(manifest)


def hash_of_manifest(manifest: Mapping[str, Any]) -> RowsHash:
    """Return the hash of a manifest's rows: of lines with table, device, rows and their hash."""
    digest = hashlib.sha256()
    rows: dict[str, int] = {}
    for name, table in sorted(manifest["tables"].items()):
        for entry in table["devices"]:
            # Rows without a time are of entities.
            if entry["device"] is None or entry["first"] is None:
                continue
            line = [name, entry["device"], entry["rows"], entry["sha256"]]
            text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
            digest.update(f"{text}\n".encode())
            rows[name] = rows.get(name, 0) + entry["rows"]
    return RowsHash(digest.hexdigest(), rows)
