"""Export of response bodies, one file each, by dataset, device and day."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from warehouse.archive import ArchivedResponse
from warehouse.export.sinks import CsvFiles
from warehouse.export.table_export import DICTIONARY, ExportReport
from warehouse.export.target import new_folder, write_checksums
from warehouse.interface.device_limit import DeviceLimit
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.verification.canonical_form import Days

INDEX = "responses"
_NO_DEVICE = "account"
_MAX_NAME_LENGTH = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_UTC = pa.timestamp("us", tz="UTC")
_INDEX_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("response_id", pa.int64()),
        ("dataset", pa.string()),
        ("device_id", pa.string()),
        ("request_date", pa.date32()),
        ("request_end_date", pa.date32()),
        ("path", pa.string()),
        ("params", pa.string()),
        ("status", pa.int64()),
        ("fetched_at", _UTC),
        ("page", pa.int64()),
        ("page_count", pa.int64()),
        ("complete", pa.bool_()),
        ("redaction_version", pa.int64()),
        ("source", pa.string()),
    ]
)


def export_bodies(
    lake: Lake,
    datasets: Sequence[str],
    target: Path,
    *,
    dictionary: str,
    days: Days | None = None,
    devices: DeviceLimit | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write every successful response as archived, and an index of them.

    Args:
        lake: The data folder.
        datasets: Names of the datasets to export.
        target: The folder to create.
        dictionary: Text of the data dictionary.
        days: Only responses to requests for these days, or fetched on one of them (UTC) if the
            request had no day. None for all.
        devices: Only responses to requests for these devices; None for all.
        overwrite: Whether to replace an earlier export.

    Raises:
        DamagedError: An archive file is damaged.
        StoreError: `target` contains something else, or the disk is full or not writable.
    """
    days = days or Days()
    devices = devices or DeviceLimit()
    lake.archive.flush()
    sums: list[tuple[str, str]] = []
    with new_folder(lake, target, overwrite=overwrite) as folder:
        index = CsvFiles(folder).table(INDEX, _INDEX_SCHEMA)
        for dataset in datasets:
            for batch in lake.archive.read(dataset):
                rows = []
                for response in batch.responses:
                    day = response.request_date or response.fetched_at.date()
                    until = response.request_end_date or day
                    if not (days.overlap(day, until) and devices.includes(response.device_id)):
                        continue
                    name = _name(response, day)
                    path = folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(response.body)
                    sums.append((hashlib.sha256(response.body).hexdigest(), name))
                    rows.append(_index_row(response, name))
                for part in pa.Table.from_pylist(rows, _INDEX_SCHEMA).to_batches():
                    index.write(part)
        index.close()
        (folder / DICTIONARY).write_text(dictionary, encoding="utf-8")
        responses = len(sums)
        sums += [(sha256_of(folder / name), name) for name in (f"{INDEX}.csv", DICTIONARY)]
        write_checksums(folder, sums)
    return ExportReport(files=len(sums) + 1, rows=responses)


def _name(response: ArchivedResponse, day: date) -> str:
    device = folder_name(response.device_id) if response.device_id else _NO_DEVICE
    # A file's name that begins with a minus, as negative numbers do, is an option to many commands.
    source = response.source if response.response_id < 0 else ""
    return f"{folder_name(response.dataset)}/{device}/{day}/{source}{response.response_id}.json"


def folder_name(text: str) -> str:
    """Return a safe name for a folder: characters other than `A-Za-z0-9_-` as `%` and hex."""
    name = _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    return f"{name[: _MAX_NAME_LENGTH // 2]}%{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _index_row(response: ArchivedResponse, name: str) -> dict[str, object]:
    columns = [field for field in _INDEX_SCHEMA.names if field != "file"]
    return {"file": name, **{column: getattr(response, column) for column in columns}}
