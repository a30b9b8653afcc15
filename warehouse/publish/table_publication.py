"""Publication of one table: what the target lacks is written, and becomes visible in one commit.

What was published is read from the target, never from a note: files of this account that are
wanted stay, the others go. So a lost note, a deleted target or another one needs nothing special.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from warehouse.errors import PublishError, TargetError
from warehouse.publish import delta_log as log
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.part_file import write_part
from warehouse.publish.published_part import (
    ACCOUNT,
    HeldFile,
    Part,
    PartChangedError,
    PublishedTable,
)
from warehouse.publish.published_targets import PublishedAs
from warehouse.publish.table_vacuum import sizes_of

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

# Each holds the rows of a part in memory.
_UPLOADS = 4
_TRIES = 8
_PAUSE_S = 0.25
# The second is of a log that `forget` of another account has just made anew.
_RACES = ("already exists", "Invalid table version")
_Identity = tuple[str, str]


@dataclass(slots=True)
class TablePublication:
    """What was done, or in a dry run would be, to a table.

    Attributes:
        name: The table.
        commits: Number of commits.
        files: Number of files written.
        rows: Number of rows written.
        bytes: Their size; in a dry run about that.
        removed_files: Number of files that the table no longer consists of.
    """

    name: str
    commits: int = 0
    files: int = 0
    rows: int = 0
    bytes: int = 0
    removed_files: int = 0


@dataclass(slots=True)
class _Plan:
    """What to change in a table.

    Attributes:
        missing: Parts that it lacks.
        surplus: Files that it should not have.
    """

    missing: list[Part] = field(default_factory=list)
    surplus: list[HeldFile] = field(default_factory=list)


class TablePublisher:
    """Publishes one table after another to a target."""

    def __init__(
        self,
        target: DeltaTarget,
        names: PublishedAs,
        *,
        report: Callable[[str], None],
        prune: bool,
        check: bool,
    ) -> None:
        """Publish nothing yet.

        Args:
            target: Where to.
            names: Whose rows.
            report: Is told what is done, a sentence without a full stop.
            prune: Whether to remove months that the data folder no longer has.
            check: Whether to look for the files that the target should consist of.
        """
        self._target = target
        self._check = check
        self._names = names
        self._report = report
        self._prune = prune

    def is_current(self, table: PublishedTable, held: DeltaTable | None, inputs: int) -> bool:
        """Return whether a table is as it was when it was computed from the same."""
        if held is None or self._names.former:
            return False
        files = (file for file in self._files(table, held) if file.account == self._names.account)
        identities = {(file.month, file.stem) for file in files}
        recorded = held.transaction_version(log.inputs_of(self._names.account))
        return recorded == _number_of(inputs, identities)

    def may_have_rows(self, held: DeltaTable | None) -> bool:
        """Return whether a folder can have rows or files of an account.

        The tables of other programs have none, nor have those that all accounts share.
        """
        return held is None or ACCOUNT in held.metadata().partition_columns

    def own_names(self, held: DeltaTable | None) -> list[str]:
        """Return under which names the rows of a table are the folder's."""
        names = (self._names.account, *self._names.former)
        return [name for name in names if held is None or not self._is_of_another(held, name)]

    def publish(
        self,
        table: PublishedTable,
        parts: Callable[[], Sequence[Part]],
        *,
        inputs: int | None = None,
        dry_run: bool = False,
    ) -> TablePublication:
        """Make the account's rows of a table those of its parts.

        Args:
            table: The table.
            parts: Returns its parts; called again after one has changed while it was read.
            inputs: A number to record of what the rows were computed from.
            dry_run: Whether to change nothing.

        Raises:
            PublishError: The store refuses it, other publishers keep committing, or the table
                holds columns of another type.
        """
        done = TablePublication(table.name)
        with self._target.explained(f"Publishing {table.name}"):
            wanted, held = list(parts()), self._target.open(table.name)
            plan = self._plan(table, wanted, held)
            if not (plan.missing or plan.surplus or (held is not None and inputs is not None)):
                return done
            if held is not None:
                log.refuse_other_types(self._target, table, held)
            if dry_run:
                _count(done, [(part.rows, part.size_bytes) for part in plan.missing])
                done.removed_files = len(plan.surplus)
                return done
            added: dict[_Identity, AddAction] = {}
            for _ in range(_TRIES):
                is_whole = self._write(table, plan.missing, added)
                again = list(parts())
                if is_whole and _identities(table, again) == _identities(table, wanted):
                    break
                wanted = again
                plan = self._plan(table, wanted, held)
            else:
                raise PublishError(f"{table.name} kept changing while it was published: run again")
            self._commit(table, wanted, added, inputs, done)
        return done

    def withdraw(self, name: str) -> None:
        """Remove the account's rows from a table that the data folder no longer has.

        Raises:
            TargetError: The store refuses it.
        """
        with self._target.explained(f"Removing rows of {name}"):
            held = self._target.open(name)
            own = self.own_names(held)
            surplus = [file for file in log.files_of(held) if file.account in own]
            if held is not None and surplus:
                log.append(held, [], surplus, self._numbers())

    def _plan(
        self, table: PublishedTable, wanted: Iterable[Part], held: DeltaTable | None
    ) -> _Plan:
        plan = _Plan()
        kept = set()
        own, files, account = self.own_names(held), self._files(table, held), self._names.account
        if account not in own and any(file.account == account for file in files):
            raise TargetError(
                f"{self._target.url} has rows of another account under the name {account}: give one"
                " of the two another name"
            )
        own.append(account)  # Of another one's that are gone, nothing but a number is left.
        parts = {(part.month, part.stem(table)): part for part in wanted}
        for file in files:
            if not table.is_shared and file.account not in own:
                continue
            identity = (file.month, file.stem)
            is_current = table.is_shared or file.account == account
            if is_current and identity in parts and identity not in kept:
                kept.add(identity)
            else:
                plan.surplus.append(file)
        plan.missing = [part for identity, part in parts.items() if identity not in kept]
        lost = {file.month for file in plan.surplus} - {month for month, _ in parts}
        if table.is_history and lost and not self._prune:
            of_month = f" of {min(lost)}" if table.has_months else ""
            raise PublishError(
                f"{table.name} has rows{of_month} in {self._target.url} that the data folder"
                " has not: run givlake backfill, or remove them there with givlake publish --prune"
            )
        return plan

    def _files(self, table: PublishedTable, held: DeltaTable | None) -> list[HeldFile]:
        """Return the files of a table; a damaged one as if givlake had not written it."""
        files = log.files_of(held)
        if not self._check:
            return files
        folder = "" if table.is_shared else f"{ACCOUNT}={self._names.account}"
        there = sizes_of(self._target.files(table.name), folder)
        return [
            file if there.get(file.path) == file.size_bytes else replace(file, stem="")
            for file in files
        ]

    def _is_of_another(self, held: DeltaTable, name: str) -> bool:
        """Return whether another data folder's account has a name in a table."""
        owner, recorded = self._names.owner, held.transaction_version(log.owner_of(name))
        return None not in (owner, recorded) and log.number_of([str(owner)]) != recorded

    def _numbers(self) -> dict[str, int]:
        """Return what each commit records."""
        owner = self._names.owner
        return {} if owner is None else {log.owner_of(self._names.account): log.number_of([owner])}

    def _write(
        self, table: PublishedTable, parts: Iterable[Part], added: dict[_Identity, AddAction]
    ) -> bool:
        """Write the parts that are not there; return whether all were as planned."""
        files = self._target.files(table.name)
        account = self._names.account

        def write(part: Part) -> AddAction | None:
            try:
                return write_part(files, table, part, account)
            except PartChangedError:
                return None

        left = [part for part in parts if (part.month, part.stem(table)) not in added]
        is_whole = True
        with ThreadPoolExecutor(_UPLOADS) as pool:
            for number, (part, action) in enumerate(
                zip(left, pool.map(write, left), strict=True), 1
            ):
                self._report(f"{table.name}: {number:,} of {len(left):,} files")
                if action is None:
                    is_whole = False
                else:
                    added[part.month, part.stem(table)] = action
        return is_whole

    def _commit(
        self,
        table: PublishedTable,
        wanted: Sequence[Part],
        added: dict[_Identity, AddAction],
        inputs: int | None,
        done: TablePublication,
    ) -> None:
        """Make the written files visible, again if another publisher was faster."""
        from deltalake.exceptions import CommitFailedError, DeltaError

        numbers = self._numbers()
        if inputs is not None:
            name = log.inputs_of(self._names.account)
            numbers[name] = _number_of(inputs, _identities(table, wanted))
        for attempt in range(1, _TRIES + 1):
            held = self._target.open(table.name)
            plan = self._plan(table, wanted, held)
            # Another publisher of this account may have removed what was there before.
            if not self._write(table, plan.missing, added):
                raise PublishError(f"{table.name} changed while it was published: run again")
            actions = [added[part.month, part.stem(table)] for part in plan.missing]
            try:
                if held is None:
                    if actions:
                        log.create(self._target, table, actions, numbers)
                        done.commits += 1
                elif actions or plan.surplus or inputs is not None:
                    done.commits += log.grow_schema(self._target, table, held)
                    log.repair_retention(held)
                    log.append(held, actions, plan.surplus, numbers)
                    done.commits += 1
            except DeltaError as error:
                is_race = isinstance(error, CommitFailedError) or any(
                    t in str(error) for t in _RACES
                )
                if not is_race or attempt == _TRIES:
                    raise
                time.sleep(_PAUSE_S * attempt)
                continue
            # A commit under a number that `forget` has just removed from the log is not seen.
            paths = {file.path for file in log.files_of(self._target.open(table.name))}
            if not paths >= {action.path for action in actions}:
                continue
            by_path = {
                action.path: part for part, action in zip(plan.missing, actions, strict=True)
            }
            _count(done, [(by_path[each.path].rows, each.size) for each in actions])
            done.removed_files = len(plan.surplus)
            return
        raise PublishError(f"{table.name} is committed to by others all the time: run again")


def _identities(table: PublishedTable, parts: Iterable[Part]) -> set[_Identity]:
    return {(part.month, part.stem(table)) for part in parts}


def _number_of(inputs: int, files: Iterable[_Identity]) -> int:
    return log.number_of([str(inputs), *(f"{month} {stem}" for month, stem in sorted(files))])


def _count(done: TablePublication, files: Collection[tuple[int, int]]) -> None:
    done.files = len(files)
    done.rows = sum(rows for rows, _ in files)
    done.bytes = sum(size for _, size in files)
