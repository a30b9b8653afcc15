"""Erasure of a device or an account from all stores, with a record of the erasure."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.archive import segment_files
from warehouse.archive.repair import rewrite
from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.coverage import drop_evidence, refresh_coverage
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake
from warehouse.owner_damage import forget_damaged_roles
from warehouse.owner_inputs import forget_roles
from warehouse.storage.atomic_files import explained, publish, write_atomically
from warehouse.storage.file_locks import FileLock
from warehouse.tables.build import drop, rebuild
from warehouse.vacuum import vacuum

RECORD = "forgotten.jsonl"
_JOURNAL = "forgetting.json"
RewriteBody = Callable[[str, bytes, Collection[str]], bytes | None]
EraseElsewhere = Callable[[Collection[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """The result of an erasure.

    Attributes:
        responses: Number of archived responses and attempts removed.
        rewritten: Number of responses about several devices that were kept without the erased ones.
        damaged_files: Number of damaged archive files that were removed unread.
        datasets: Datasets whose tables were rebuilt.
        unbuilt: Datasets whose tables were removed, since no decoder was given; the next build
            rebuilds them.
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
    rewrite_body: RewriteBody | None = None,
    erase_elsewhere: EraseElsewhere | None = None,
) -> ForgetReport:
    """Remove devices and accounts from the archive and everything derived from it.

    Other responses that mention a device (lists of devices) are passed to `rewrite_body`, and
    removed if it returns None. Devices that only the given accounts requested are removed too. An
    interrupted erasure is completed by the next call, whatever its arguments.

    Args:
        lake: The data folder.
        devices: Serial numbers or UUIDs.
        accounts: Accounts, as in `Entry.account`.
        decoders: Decoders of all datasets, to rebuild their tables.
        rewrite_body: Returns a body without devices, or None, for a dataset, the body and the
            devices.
        erase_elsewhere: Removes the given names from everything outside the stores; returns the
            places outside of the folder that it removed them from.

    Raises:
        StoreError: The disk is full or not writable.
    """
    lake.archive.flush()
    archive = lake.archive
    with FileLock(archive.compaction_lock_path), explained("Erasing from", lake.folder):
        progress = _Progress.read(lake)
        progress.accounts |= set(accounts) - {""}
        progress.devices |= (set(devices) - {""}) | _devices_of(lake, progress.accounts)
        progress.write(lake)
        eraser = _Eraser(progress, rewrite_body or (lambda _dataset, _body, _devices: None))
        for file in archive.files():
            rows = eraser.remaining_rows(file)
            if rows is None:
                continue
            # Record which tables to rebuild before the archive file is replaced.
            progress.write(lake)
            temporary = lake.scratch / uuid.uuid4().hex
            rewrite(archive, file, rows, temporary)
            with archive.exclusive():
                publish(temporary, file.path)
        damaged_files = list(archive.damaged.iterdir())
        for path in damaged_files:
            path.unlink()
    if progress.datasets:
        archive.new_generation()
    by_name = {decoder.dataset: decoder for decoder in decoders}
    built = sorted(progress.datasets & by_name.keys())
    unbuilt = sorted(progress.datasets - by_name.keys())
    for name in built:
        rebuild(lake, by_name[name])
    for name in unbuilt:
        drop(lake, name)
    refresh_coverage(lake, [])
    drop_evidence(lake)
    vacuum(lake, force=True)
    expected = lake.expected()
    if expected.num_rows:
        others = pc.invert(pc.is_in(expected["device_id"], pa.array(progress.devices, pa.string())))
        lake.expect(expected.filter(others), keep_old=False)
    forget_roles(lake, progress.devices)
    forget_damaged_roles(lake)
    targets = () if erase_elsewhere is None else erase_elsewhere(progress.names)
    report = ForgetReport(
        eraser.removed, eraser.rewritten, len(damaged_files), tuple(built), tuple(unbuilt)
    )
    _record(lake, progress.names, report, targets)
    (lake.folder / _JOURNAL).unlink()
    return report


def unfinished(lake: Lake) -> tuple[str, ...]:
    """Return the names of an interrupted `forget`; empty if there is none."""
    return tuple(sorted(_Progress.read(lake).names))


def is_known(lake: Lake, name: str) -> bool:
    """Return whether there are responses or expected days of a device or an account."""
    if name in unfinished(lake) or pc.any(pc.equal(lake.expected()["device_id"], name)).as_py():
        return True
    return any(
        pc.any(pc.equal(rows[column], name)).as_py()
        for rows in lake.archive.scan(["device_id", "account"])
        for column in ("device_id", "account")
    )


def pattern_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds names in a text, but not within longer names."""
    choice = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"(?<![0-9A-Za-z])(?:{choice})(?![0-9A-Za-z])" if choice else r"(?!)")


def _devices_of(lake: Lake, accounts: set[str]) -> set[str]:
    """Return the devices that only these accounts requested."""
    if not accounts:
        return set()
    own_devices = set(lake.expected()["device_id"].to_pylist())
    other_devices = {""}
    for rows in lake.archive.scan(["device_id", "account"]):
        pairs = zip(rows["device_id"].to_pylist(), rows["account"].to_pylist(), strict=True)
        for device, account in set(pairs):
            (own_devices if account in accounts else other_devices).add(device)
    return own_devices - other_devices


@dataclass(slots=True)
class _Progress:
    """A running erasure, stored on disk so that it can be completed after an interruption."""

    devices: set[str]
    accounts: set[str]
    datasets: set[str]

    @property
    def names(self) -> set[str]:
        return self.devices | self.accounts

    @staticmethod
    def read(lake: Lake) -> _Progress:
        try:
            raw = json.loads((lake.folder / _JOURNAL).read_bytes())
        except FileNotFoundError:
            return _Progress(set(), set(), set())
        return _Progress(*(set(raw[name]) for name in _Progress.__slots__))

    def write(self, lake: Lake) -> None:
        raw = {name: sorted(getattr(self, name)) for name in _Progress.__slots__}
        write_atomically(lake.folder / _JOURNAL, json.dumps(raw).encode(), lake.scratch)


class _Eraser:
    """Removes names from archive files and counts what it removes."""

    def __init__(self, progress: _Progress, rewrite_body: RewriteBody) -> None:
        self.progress = progress
        self.devices = pa.array(sorted(progress.devices), pa.string())
        self.accounts = pa.array(sorted(progress.accounts), pa.string())
        self.pattern = re.compile(pattern_of(progress.devices).pattern.encode())
        self.rewrite_body = rewrite_body
        self.removed = 0
        self.rewritten = 0

    def remaining_rows(self, file: ArchiveFile) -> pa.Table | None:
        """Return a file's rows without the erased names; None if the file does not contain any."""
        reader = Reader(file)
        rows = reader.read(reader.groups()) if reader.groups() else segment_files.EMPTY
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
            if self.pattern.search(text):
                keep[at] = False
            elif self.pattern.search(bodies[at]):
                body = self.rewrite_body(dataset, bodies[at], self.progress.devices)
                if body is None or self.pattern.search(body):
                    keep[at] = False
                else:
                    bodies[at] = body
                    changed += 1
        files = self._without_names(rows["source_file"])
        if keep.all() and not changed and files.equals(rows["source_file"]):
            return None
        self.progress.datasets |= {
            dataset
            for at, dataset in enumerate(rest[0])
            if not keep[at] or bodies[at] != rows["body"][at].as_py()
        }
        self.removed += int((~keep).sum())
        self.rewritten += changed
        at = rows.schema.get_field_index("source_file")
        rows = _with_bodies(rows, bodies).set_column(at, rows.schema.field(at), files)
        return rows.filter(pa.array(keep))

    def _without_names(self, files: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the names of imported files, null where they contain an erased name."""
        named = [
            file is not None and self.pattern.search(file.encode()) is not None
            for file in files.to_pylist()
        ]
        return pc.if_else(pa.array(named, pa.bool_()), pa.scalar(None, pa.string()), files)


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


def _record(lake: Lake, names: set[str], report: ForgetReport, targets: Sequence[str]) -> None:
    """Append a record with the names as hashes only."""
    path = lake.folder / RECORD
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": sorted(hashlib.sha256(name.encode()).hexdigest() for name in names),
        "responses": report.responses,
        "rewritten": report.rewritten,
        "datasets": [*report.datasets, *report.unbuilt],
        **({"published_to": list(targets)} if targets else {}),
    }
    old = path.read_bytes() if path.exists() else b""
    write_atomically(path, old + json.dumps(line).encode() + b"\n", lake.scratch)
