"""A data folder opened for reading: nothing in it is created, changed or repaired.

What reading needs and the folder lacks (a current index of requests, coverage, a catalogue with
the views of this version) is created in a temporary folder elsewhere and removed at the end. So the
folder may belong to another user or be on a disk that is mounted read-only.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.archive import Archive
from warehouse.attached_database import FILE, close_unused
from warehouse.catalogue import EmptyFile, empty_files, flaw_of, view_statements
from warehouse.catalogue_location import root_of
from warehouse.coverage import CoverageRule, refresh_coverage
from warehouse.errors import ArchiveDamagedError, DamagedError, StoreError, VersionError
from warehouse.index.watermarks import FOLDER as WATERMARKS
from warehouse.index.watermarks import are_published, write_all
from warehouse.interface.decoder_protocol import Decoder
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import (
    EXPECTED_FILE,
    EXPECTED_SCHEMA,
    Lake,
    resolved,
)
from warehouse.owner_inputs import read as read_owner_input
from warehouse.storage.layout import needs_upgrade, state_file, upgrade_message
from warehouse.storage.ownership import permission_problem
from warehouse.storage.parquet_files import empty_table, read_as
from warehouse.storage.state_file import StateFile
from warehouse.storage.transaction import FileSet
from warehouse.table_repair import needed_repairs
from warehouse.tables.partition_files import SCHEMA_FILE

# A folder that was only opened has these too, but no file in them.
_STORES = ("archive", "tables", "index")


class ReadOnlyLake(Lake):
    """A data folder that nothing is written into; it need not exist.

    Attributes:
        problems: What a build would repair, one message each, without a full stop.
    """

    def __init__(
        self,
        folder: Path | str,
        decoders: Sequence[Decoder],
        views: Sequence[ViewSpec] = (),
        rules: Sequence[CoverageRule] = (),
    ) -> None:
        """Open `folder`; look for what needs repair.

        Args:
            folder: The data folder.
            decoders: The decoders of all datasets.
            views: Views in addition to those of the tables, as for `warehouse.publish`.
            rules: Lateness by dataset, as for `warehouse.refresh_coverage`.

        Raises:
            StoreError: It cannot be read, or has a name that DuckDB cannot open.
            VersionError: Its layout, or that of its tables, is of another version of givlake.
        """
        self.folder = resolved(folder)
        self.problems: list[str] = []
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._indexes: dict[str, FileSet] = {}
        self._own_files: set[str] = set()
        self._views: list[str] | None = None
        self._are_views_known = False
        self._tables = [table for decoder in decoders for table in decoder.tables]
        self._view_specs = views
        try:
            self.is_empty = not _holds_data(self.folder)
        except PermissionError as error:
            raise StoreError(
                f"the data folder cannot be read: {permission_problem(self.folder)}"
            ) from error
        if needs_upgrade(self.folder):
            raise VersionError(upgrade_message(self.folder))
        self.state = StateFile(
            state_file(self.folder),
            self.folder / "locks" / "state",
            self.folder / "tmp",
            read_only=True,
        )
        try:
            self._examine(decoders, rules)
        except BaseException:
            self.close()
            raise

    @property
    def scratch(self) -> Path:
        """A folder for temporary files, outside of the data folder."""
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="givlake-")
        return Path(self._temporary.name)

    @cached_property
    def archive(self) -> Archive:
        """The archive of this folder; nothing can be appended to it."""
        return Archive(
            self.folder / "archive", self.folder / "locks", self.folder / "tmp", read_only=True
        )

    def file_set(self, name: str) -> FileSet:
        """Return the file set with this name: the folder's, or the copy in the scratch folder."""
        return self._indexes.get(name) or FileSet(self.folder, name, read_only=True)

    def writable_index(self, name: str) -> FileSet:
        """Return a copy of the file set of an index, to update it in the scratch folder."""
        if name not in self._indexes:
            self._indexes[name] = self._copied(FileSet(self.folder, name, read_only=True))
            self._are_views_known = False
        return self._indexes[name]

    def own_views(self) -> Sequence[str] | None:
        """Return the SQL of the views to query by; None if the published catalogue can be used."""
        if not self._are_views_known:
            self._views = self._statements()
            self._are_views_known = True
        return self._views

    def expect(self, expected: pa.Table, *, keep_old: bool = True) -> None:
        """Use these expected days while the folder is open, without storing them."""
        del keep_old
        rows = expected.select(EXPECTED_SCHEMA.names).cast(EXPECTED_SCHEMA)
        pq.write_table(rows, self._own_file(EXPECTED_FILE))

    def expected(self) -> pa.Table:
        """Return which days are expected; none where the table is missing or damaged."""
        folder = self._own if EXPECTED_FILE in self._own_files else self.folder
        try:
            return read_as(folder / EXPECTED_FILE, EXPECTED_SCHEMA)
        except (OSError, pa.ArrowException):
            return empty_table(EXPECTED_SCHEMA)

    def close(self) -> None:
        """Close the catalogue and remove the temporary files."""
        close_unused(self.folder)
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    @property
    def _own(self) -> Path:
        """A folder for files that the data folder lacks, under the same names."""
        return self.scratch / "data"

    def _own_file(self, name: str) -> Path:
        """Return the path of a file to read instead of the data folder's."""
        path = self._own / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._own_files.add(name)
        self._are_views_known = False
        return path

    def _examine(self, decoders: Sequence[Decoder], rules: Sequence[CoverageRule]) -> None:
        if not self.is_empty:
            self.problems += needed_repairs(self, decoders)
        try:
            self.problems += refresh_coverage(self, rules)[1]
        except ArchiveDamagedError as error:
            self.problems.append(str(error))  # what is indexed already can be read all the same
        names = [decoder.dataset for decoder in decoders]
        if not are_published(self, names):
            write_all(self, names, self._own_file(f"{WATERMARKS}/all.parquet"))
        self.own_views()

    def _copied(self, source: FileSet) -> FileSet:
        for name in ("locks", "staging", "index/manifests"):
            (self._own / name).mkdir(parents=True, exist_ok=True)
        target = FileSet(self._own, source.name, durable=False)
        with source.lock():
            manifest = source.manifest()
            for name in [] if manifest is None else [*manifest.files, source.manifest_name]:
                path = self._own / name
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    shutil.copy2(self.folder / name, path)
                except FileNotFoundError:
                    continue  # users of the copy notice it
        return target

    def _statements(self) -> list[str] | None:
        statements = view_statements(self.folder, self._tables, self._view_specs)
        flaw = flaw_of(self.folder, statements)
        if flaw is not None:
            self._note_problem(flaw)
        replaced = {}
        own_folders = {str(Path(name).parent) for name in self._own_files if "/" in name}
        own_folders |= {f"index/{name}" for name in self._indexes}
        for empty in empty_files(self._tables):
            path = self.folder / empty.name
            folder = str(Path(empty.name).parent)
            pattern = f"'{root_of(self.folder)}/{empty.files}'"
            if folder in own_folders or empty.name in self._own_files:
                if Path(empty.name).name == SCHEMA_FILE:
                    self._write_empty(empty)
                replaced[pattern] = f"'{root_of(self._own)}/{empty.files}'"
            elif not path.exists() or not (
                (flaw is None and not empty.has_rows) or empty.fits(self.folder)
            ):
                self._note_problem(self._write_empty(empty))
                others = sorted(set(self.folder.glob(empty.files)) - {path})
                listed = [f"'{root_of(file)}'" for file in (self._own / empty.name, *others)]
                replaced[pattern] = f"[{', '.join(listed)}]"
        if flaw is None and not replaced:
            return None
        for pattern, text in replaced.items():
            statements = [statement.replace(pattern, text) for statement in statements]
        return statements

    def _write_empty(self, empty: EmptyFile) -> str:
        """Write a file to read in place of the folder's; return what is wrong with that."""
        problem = f"{empty.name} is missing or damaged"
        path = self._own / empty.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if empty.owner_input is None:
            empty.write(path)
            return problem
        try:
            rows = read_owner_input(self.folder, empty.owner_input)
        except DamagedError as error:
            rows, problem = empty_table(empty.schema), str(error)
        pq.write_table(rows, path)
        return problem

    def _note_problem(self, sentence: str) -> None:
        if sentence not in self.problems and not self.is_empty:
            self.problems.append(sentence)


def _holds_data(folder: Path) -> bool:
    """Return whether anything was archived, built or published in a data folder."""
    if not folder.exists():
        return False
    if not any(folder.iterdir()):  # raises PermissionError where `rglob` would find nothing
        return False
    files = (path for name in _STORES for path in (folder / name).rglob("*") if path.is_file())
    return (folder / FILE).exists() or any(files)
