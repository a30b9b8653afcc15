"""Publication of a data folder: its tables and views, one after another."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from warehouse.errors import LockTimeoutError, PublishError, TargetError
from warehouse.interface.decoder_protocol import Decoder
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.input_history import InputHistory
from warehouse.publish.lake_tables import published_table, table_parts
from warehouse.publish.published_part import Part, PublishedTable
from warehouse.publish.published_targets import PublishedAs, PublishedTargets
from warehouse.publish.published_views import Inputs, PublishedView, view_parts
from warehouse.publish.store_check import refuse_unsafe_store
from warehouse.publish.table_publication import (
    TablePublication,
    TablePublisher,
)
from warehouse.publish.table_vacuum import purge_table, vacuum_table
from warehouse.storage.file_locks import FileLock

LOCK = "locks/publish"


@dataclass(frozen=True, slots=True)
class Publishable:
    """What a data folder can publish.

    Attributes:
        decoders: The datasets with their tables.
        views: The views.
        fixed: Tables that do not come from the folder, with their rows' parts.
    """

    decoders: Sequence[Decoder]
    views: Sequence[PublishedView] = ()
    fixed: Sequence[tuple[PublishedTable, Part]] = ()

    @property
    def names(self) -> list[str]:
        """The names of all tables."""
        return [
            *(spec.name for decoder in self.decoders for spec in decoder.tables),
            *(view.spec.name for view in self.views),
            *(table.name for table, _ in self.fixed),
        ]


@dataclass(frozen=True, slots=True)
class PublicationOptions:
    """How to publish.

    Attributes:
        only: The tables to publish; empty: all.
        dry_run: Whether to change nothing.
        prune: Whether to remove months that the data folder no longer has.
        retention_h: For how many hours old files stay for readers of old versions.
        purge: Whether to remove at once what is no longer in the tables, old log files too.
        check: Whether to look for the files that the target should consist of.
        owner: What tells the account from another one with the same name; None if that is unknown.
        wait_s: How long to wait for another publication of the same folder; None: as long as it
            takes.
    """

    only: Collection[str] = ()
    dry_run: bool = False
    prune: bool = False
    retention_h: float = 7 * 24
    purge: bool = False
    check: bool = False
    owner: str | None = None
    wait_s: float | None = 0.0


@dataclass(slots=True)
class Publication:
    """What was published.

    Attributes:
        tables: What was done to each table.
        errors: Sentences about tables that were not published.
        removed_objects: Old objects that were removed from the target.
        seconds: How long it took.
    """

    tables: list[TablePublication] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    removed_objects: int = 0
    seconds: float = 0.0


def publish_folder(
    lake: Lake,
    target: DeltaTarget,
    account: str,
    publishable: Publishable,
    options: PublicationOptions,
    report: Callable[[str], None] = lambda _: None,
) -> Publication:
    """Publish what has changed since the last publication to a target.

    Args:
        lake: The data folder, opened for writing.
        target: Where to.
        account: What the column `account` says.
        publishable: What the folder can publish.
        options: How.
        report: Is told what is done, a sentence without a full stop.

    Raises:
        PublishError: Another process publishes the folder.
        TargetError: The target cannot be used.
    """
    began_s = time.monotonic()
    done = Publication()
    publishing = _Publishing(lake, target, account, publishable, options, report, done)
    try:
        with FileLock(lake.folder / LOCK, timeout_s=options.wait_s, read_only=options.dry_run):
            publishing.run()
    except LockTimeoutError as error:
        raise PublishError(
            f"another process publishes {lake.folder}: wait for it, then run again"
        ) from error
    done.seconds = time.monotonic() - began_s
    return done


class _Publishing:
    """One publication, with the folder's lock held."""

    def __init__(
        self,
        lake: Lake,
        target: DeltaTarget,
        account: str,
        publishable: Publishable,
        options: PublicationOptions,
        report: Callable[[str], None],
        done: Publication,
    ) -> None:
        self._lake, self._target, self._account = lake, target, account
        self._publishable, self._options, self._report = publishable, options, report
        self._done = done
        self._noted = PublishedTargets(lake)
        former = self._noted.former_names(target.url, account)
        self._names = PublishedAs(account, tuple(former), options.owner)
        self._is_erasing = options.purge or self._noted.is_erasing(target.url)
        # Under a former name the folder may have had months that it no longer has.
        self._prune = options.prune or bool(former) or self._is_erasing
        self._publisher = TablePublisher(
            target, self._names, report=report, prune=self._prune, check=options.check
        )
        self._wanted = set(options.only or publishable.names)

    def run(self) -> None:
        self._noted.refuse_other_store(self._target)
        if not self._options.dry_run:
            with self._target.explained("Publishing"):
                self._target.check(is_known=self._is_erasing)
                if not (self._target.is_known_store or self._noted.is_safe(self._target.url)):
                    refuse_unsafe_store(self._target)
                    self._noted.set_safe(self._target.url)
        held = self._target.open_all(sorted(self._wanted))
        if self._options.purge:
            # An erasure adds no table to a target that was given some only.
            self._wanted.intersection_update(held)
        if not self._options.dry_run:
            # Not of a target that is not there, which `forget` would have to look into.
            self._noted.add(self._target, self._account)
        for decoder in self._publishable.decoders:
            for spec in decoder.tables:
                if spec.name in self._wanted:
                    self._attempt(self._table, decoder.dataset, spec)
        self._views([view for view in self._publishable.views if view.spec.name in self._wanted])
        for table, part in self._publishable.fixed:
            if table.name in self._wanted:
                self._attempt(self._fixed, table, part)
        if self._options.dry_run or self._options.only or self._done.errors:
            return
        if self._is_erasing:
            self._purge()
            if not self._target.folders():
                self._noted.remove(self._target.url)
                return
        self._noted.keep_only(self._target.url, self._account)

    def _views(self, views: Sequence[PublishedView]) -> None:
        if not views:
            return
        inputs, history = Inputs(self._lake), self._history()
        kept = []
        for view in views:
            if self._prune or not (lacking := history.lacking(view)):
                self._attempt(self._view, view, inputs)
            else:
                kept.append((view.spec.name, lacking))
        if kept:
            marts, tables = (", ".join(dict.fromkeys(names)) for names in zip(*kept, strict=True))
            self._done.errors.append(
                f"{marts} would lose rows in {self._target.url}, since the data folder lacks some"
                f" of {tables}: run givlake backfill, or publish what is here with givlake publish"
                " --prune"
            )

    def _history(self) -> InputHistory:
        specs = {
            spec.name: (decoder.dataset, spec)
            for decoder in self._publishable.decoders
            for spec in decoder.tables
        }
        published = {table.name for table in self._done.tables}
        return InputHistory(self._lake, self._target, self._publisher, specs, published)

    def _purge(self) -> None:
        """Remove old files of the account and old logs, and rows of tables that it lacks."""
        published = {table.name for table in self._done.tables}
        with self._target.explained("Removing what is forgotten"):
            for name in self._target.folders():
                if not self._publisher.may_have_rows(self._target.open(name)):
                    continue
                self._report(f"{name}: removing old files")
                if name not in published:
                    self._publisher.withdraw(name)
                accounts = self._publisher.own_names(self._target.open(name))
                self._done.removed_objects += purge_table(self._target, name, accounts)
        self._noted.set_erasing(self._target.url, is_erasing=False)

    def _attempt(self, work: Callable[..., None], *arguments: object) -> None:
        """Publish a table; note why it is not published, and go on with the others."""
        try:
            work(*arguments)
        except TargetError:
            raise  # The others would wait for the store too.
        except PublishError as error:
            self._done.errors.append(str(error))

    def _table(self, dataset: str, spec: TableSpec) -> None:
        if table_parts(self._lake, dataset, spec) is None:
            return

        def parts() -> Sequence[Part]:
            found = table_parts(self._lake, dataset, spec)
            if found is None:
                raise PublishError(f"{spec.name} is being rebuilt: run again")
            return found

        self._publish(published_table(spec), parts)

    def _view(self, view: PublishedView, inputs: Inputs) -> None:
        table, number = view.table, inputs.number_of(view)
        with self._target.explained(f"Publishing {table.name}"):
            held = self._target.open(table.name)
            is_current = self._publisher.is_current(table, held, number)
        if is_current:
            self._done.tables.append(TablePublication(table.name))
            return
        self._report(f"{table.name}: computing")
        folder = Path(mkdtemp(dir=self._lake.scratch))
        try:
            computed = view_parts(self._lake, view, folder)
            self._publish(table, lambda: computed, number)
        finally:
            shutil.rmtree(folder)

    def _fixed(self, table: PublishedTable, part: Part) -> None:
        self._publish(table, lambda: [part])

    def _publish(
        self,
        table: PublishedTable,
        parts: Callable[[], Sequence[Part]],
        inputs: int | None = None,
    ) -> None:
        dry_run = self._options.dry_run
        published = self._publisher.publish(table, parts, inputs=inputs, dry_run=dry_run)
        self._done.tables.append(published)
        if published.commits and not dry_run:
            with self._target.explained(f"Removing old files of {table.name}"):
                self._done.removed_objects += vacuum_table(
                    self._target, table, self._account, self._options.retention_h
                )
