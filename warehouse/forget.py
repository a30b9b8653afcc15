"""Forgetting a device or an account: out of every store, with a record that it was done."""

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
from warehouse.coverage import refresh_coverage
from warehouse.interface.decoder_protocol import Decoder
from warehouse.lake import Lake
from warehouse.storage.atomic_files import explained, publish, write_atomically
from warehouse.storage.locks import FileLock
from warehouse.tables.build import drop, rebuild
from warehouse.vacuum import trim

RECORD = "forgotten.jsonl"
_JOURNAL = "forgetting.json"
Rewrite = Callable[[str, bytes, Collection[str]], bytes | None]
Elsewhere = Callable[[Collection[str]], None]


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
    elsewhere: Elsewhere | None = None,
) -> ForgetReport:
    """Remove devices and accounts from the archive, and from all that is made of it.

    Responses about other things that mention a device (lists of devices) are given to
    ``rewrite_body``, or removed where that returns None. With an account go the devices that
    nobody else has asked for. Interrupted, it is finished by the next call, whatever that is about.

    Args:
        lake: The data folder.
        devices: Serial numbers or UUIDs.
        accounts: Accounts, as they stand in :attr:`Entry.account`.
        decoders: Decoders of all datasets, to make their tables again at once.
        rewrite_body: Given a dataset, a body and the devices, returns the body without them, or
            None.
        elsewhere: Given all that is to be forgotten, removes it from what is not the stores'.

    Raises:
        StoreError: the disk is full or not writable.
    """
    lake.archive.flush()
    archive = lake.archive
    with FileLock(archive.compaction_lock_path), explained("Forgetting in", lake.folder):
        begun = _Begun.read(lake)
        begun.accounts |= set(accounts) - {""}
        begun.devices |= (set(devices) - {""}) | _devices_of(lake, begun.accounts)
        begun.write(lake)
        found = _Found(begun, rewrite_body or (lambda _dataset, _body, _devices: None))
        for file in archive.files():
            rows = found.without(file)
            if rows is None:
                continue
            # Which tables must be made again is on disk before the archive says so no more.
            begun.write(lake)
            temporary = lake.scratch / uuid.uuid4().hex
            rewrite(archive, file, rows, temporary)
            with archive.exclusive():
                publish(temporary, file.path)
        aside = list(archive.damaged.iterdir())
        for path in aside:
            path.unlink()
    if begun.datasets:
        archive.new_generation()
    by_name = {decoder.dataset: decoder for decoder in decoders}
    built = sorted(begun.datasets & by_name.keys())
    unbuilt = sorted(begun.datasets - by_name.keys())
    for name in built:
        rebuild(lake, by_name[name])
    for name in unbuilt:
        drop(lake, name)
    refresh_coverage(lake, [])
    trim(lake, at_once=True)
    expected = lake.expected()
    if expected.num_rows:
        others = pc.invert(pc.is_in(expected["device_id"], pa.array(begun.devices, pa.string())))
        lake.expect(expected.filter(others), keep_old=False)
    if elsewhere is not None:
        elsewhere(begun.names)
    report = ForgetReport(found.removed, found.rewritten, len(aside), tuple(built), tuple(unbuilt))
    _record(lake, begun.names, report)
    (lake.folder / _JOURNAL).unlink()
    return report


def unfinished(lake: Lake) -> tuple[str, ...]:
    """Name what an interrupted :func:`forget` was about; nothing when there is none."""
    return tuple(sorted(_Begun.read(lake).names))


def is_known(lake: Lake, name: str) -> bool:
    """Tell whether something was asked of a device or for an account, or is expected of it."""
    if name in unfinished(lake) or pc.any(pc.equal(lake.expected()["device_id"], name)).as_py():
        return True
    return any(
        pc.any(pc.equal(rows[column], name)).as_py()
        for rows in lake.archive.scan(["device_id", "account"])
        for column in ("device_id", "account")
    )


def pattern_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return what finds names in a text, but not inside longer ones."""
    choice = "|".join(re.escape(name) for name in sorted(names))
    return re.compile(rf"(?<![0-9A-Za-z])(?:{choice})(?![0-9A-Za-z])" if choice else r"(?!)")


def _devices_of(lake: Lake, accounts: set[str]) -> set[str]:
    """Return the devices of accounts: those that nobody else has asked for."""
    if not accounts:
        return set()
    theirs = set(lake.expected()["device_id"].to_pylist())
    others = {""}
    for rows in lake.archive.scan(["device_id", "account"]):
        pairs = zip(rows["device_id"].to_pylist(), rows["account"].to_pylist(), strict=True)
        for device, account in set(pairs):
            (theirs if account in accounts else others).add(device)
    return theirs - others


@dataclass(slots=True)
class _Begun:
    """A forgetting that is under way: on disk until it is done, so that it can be finished."""

    devices: set[str]
    accounts: set[str]
    datasets: set[str]

    @property
    def names(self) -> set[str]:
        return self.devices | self.accounts

    @staticmethod
    def read(lake: Lake) -> _Begun:
        try:
            raw = json.loads((lake.folder / _JOURNAL).read_bytes())
        except FileNotFoundError:
            return _Begun(set(), set(), set())
        return _Begun(*(set(raw[name]) for name in _Begun.__slots__))

    def write(self, lake: Lake) -> None:
        raw = {name: sorted(getattr(self, name)) for name in _Begun.__slots__}
        write_atomically(lake.folder / _JOURNAL, json.dumps(raw).encode(), lake.scratch)


class _Found:
    """What was found of what is to be forgotten."""

    def __init__(self, begun: _Begun, rewrite_body: Rewrite) -> None:
        self.begun = begun
        self.devices = pa.array(sorted(begun.devices), pa.string())
        self.accounts = pa.array(sorted(begun.accounts), pa.string())
        self.named = re.compile(pattern_of(begun.devices).pattern.encode())
        self.rewrite_body = rewrite_body
        self.removed = 0
        self.rewritten = 0

    def without(self, file: ArchiveFile) -> pa.Table | None:
        """Return a file's rows without what is to be forgotten; None when it has none of it."""
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
            if self.named.search(text):
                keep[at] = False
            elif self.named.search(bodies[at]):
                body = self.rewrite_body(dataset, bodies[at], self.begun.devices)
                if body is None or self.named.search(body):
                    keep[at] = False
                else:
                    bodies[at] = body
                    changed += 1
        if keep.all() and not changed:
            return None
        self.begun.datasets |= {
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
