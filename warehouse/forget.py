"""Forgetting a device or an account: out of every store, with a record that it was done."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.archive import files
from warehouse.archive.files import ArchiveFile, Reader
from warehouse.archive.salvage import rewrite
from warehouse.build import drop, rebuild
from warehouse.coverage import refresh_coverage
from warehouse.decoding import Decoder
from warehouse.files import explained, publish, write_atomically
from warehouse.lake import Lake
from warehouse.locks import FileLock
from warehouse.trimming import trim

RECORD = "forgotten.jsonl"
_JOURNAL = "forgetting.json"
Rewrite = Callable[[str, bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What was removed.

    Attributes:
        responses: Archived responses and attempts that were removed.
        rewritten: Responses about several devices that were kept without the forgotten ones.
        damaged_files: Damaged archive files, kept aside until then, that were removed unread.
        datasets: Datasets whose tables were made again without them.
        unbuilt: Datasets that lost responses and have no decoder here: their tables were removed
            and come back with their next build.
    """

    responses: int
    rewritten: int
    damaged_files: int
    datasets: tuple[str, ...]
    unbuilt: tuple[str, ...]


def forget(
    lake: Lake,
    *,
    devices: Iterable[str] = (),
    accounts: Iterable[str] = (),
    decoders: Sequence[Decoder] = (),
    rewrite_body: Rewrite | None = None,
) -> ForgetReport:
    """Remove devices and accounts from the archive, and from all that is made of it.

    Responses about other things that mention a device (lists of devices) are given to
    ``rewrite_body``, or removed where that returns None. Interrupted, it can simply be run again.

    Args:
        lake: The data folder.
        devices: Serial numbers or UUIDs.
        accounts: Accounts, as they stand in :attr:`Entry.account`.
        decoders: Decoders of all datasets, to make their tables again at once.
        rewrite_body: Given a dataset and a body, returns the body without the devices, or None.

    Raises:
        StoreError: the disk is full or not writable.
    """
    names, owners = set(devices) - {""}, set(accounts) - {""}
    lake.archive.flush()
    archive = lake.archive
    with FileLock(archive.pack_lock_path), explained("Forgetting in", lake.folder):
        journal = lake.folder / _JOURNAL
        unfinished = json.loads(journal.read_bytes()) if journal.exists() else []
        found = _Found(names, owners, rewrite_body or (lambda _dataset, _body: None), unfinished)
        for file in archive.files():
            rows = found.without(file)
            if rows is None:
                continue
            # Which tables must be made again is on disk before the archive says so no more.
            write_atomically(journal, json.dumps(sorted(found.datasets)).encode(), lake.scratch)
            temporary = lake.scratch / uuid.uuid4().hex
            rewrite(archive, file, rows, temporary)
            with archive.exclusive():
                publish(temporary, file.path)
        aside = list(archive.damaged.iterdir())
        for path in aside:
            path.unlink()
    if found.datasets:
        archive.new_generation()
    by_name = {decoder.dataset: decoder for decoder in decoders}
    built = sorted(found.datasets & by_name.keys())
    unbuilt = sorted(found.datasets - by_name.keys())
    for name in built:
        rebuild(lake, by_name[name])
    for name in unbuilt:
        drop(lake, name)
    refresh_coverage(lake, [])
    trim(lake, at_once=True)
    expected = lake.expected()
    if expected.num_rows:
        others = pc.invert(pc.is_in(expected["device_id"], found.devices))
        lake.expect(expected.filter(others), keep_old=False)
    report = ForgetReport(found.removed, found.rewritten, len(aside), tuple(built), tuple(unbuilt))
    _record(lake, names | owners, report)
    journal.unlink(missing_ok=True)
    return report


class _Found:
    """What is to be removed, and what has been."""

    def __init__(
        self,
        devices: set[str],
        accounts: set[str],
        rewrite_body: Rewrite,
        unfinished: list[str],
    ) -> None:
        self.devices = pa.array(sorted(devices), pa.string())
        self.accounts = pa.array(sorted(accounts), pa.string())
        self.needles = [device.encode() for device in sorted(devices)]
        self.rewrite_body = rewrite_body
        self.removed = 0
        self.rewritten = 0
        self.datasets = set(unfinished)

    def without(self, file: ArchiveFile) -> pa.Table | None:
        """Return a file's rows without what is to be forgotten; None when it has none of it."""
        reader = Reader(file)
        rows = reader.read(reader.groups()) if reader.groups() else files.EMPTY
        reader.close()
        own = pc.or_(
            pc.is_in(rows["device_id"], self.devices), pc.is_in(rows["account"], self.accounts)
        )
        keep = ~np.asarray(pc.fill_null(own, False))
        bodies = rows["body"].to_pylist()
        rest = [rows[name].to_pylist() for name in ("dataset", "path", "params", "message")]
        changed = 0
        for at in np.flatnonzero(keep):
            dataset, path, params, message = (values[at] for values in rest)
            text = f"{path}\0{params}\0{message}".encode()
            if any(needle in text for needle in self.needles):
                keep[at] = False
            elif any(needle in bodies[at] for needle in self.needles):
                body = self.rewrite_body(dataset, bodies[at])
                if body is None or any(needle in body for needle in self.needles):
                    keep[at] = False
                else:
                    bodies[at] = body
                    changed += 1
        if keep.all() and not changed:
            return None
        self.datasets |= {
            dataset
            for at, dataset in enumerate(rest[0])
            if not keep[at] or bodies[at] != rows["body"][at].as_py()
        }
        self.removed += int((~keep).sum())
        self.rewritten += changed
        return _with_bodies(rows, bodies).filter(pa.array(keep))


def _with_bodies(rows: pa.Table, bodies: list[bytes]) -> pa.Table:
    values = {
        "body": bodies,
        "body_bytes": [len(body) for body in bodies],
        "body_sha256": [hashlib.sha256(body).digest() for body in bodies],
    }
    for name, column in values.items():
        field = rows.schema.field(name)
        rows = rows.set_column(
            rows.schema.get_field_index(name), field, pa.array(column, field.type)
        )
    return rows


def _record(lake: Lake, names: set[str], report: ForgetReport) -> None:
    """Append what was done; the names only as hashes, else they would not be forgotten."""
    path = lake.folder / RECORD
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": sorted(hashlib.sha256(name.encode()).hexdigest() for name in names),
        "responses": report.responses,
        "rewritten": report.rewritten,
        "datasets": [*report.datasets, *report.unbuilt],
    }
    old = path.read_bytes() if path.exists() else b""
    write_atomically(path, old + json.dumps(line).encode() + b"\n", lake.scratch)
