"""Files that a command writes for the owner: whole or not at all, never in the data folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.cli.common import EXIT_USAGE, KnownError
from warehouse.storage.atomic_files import explained, fsync_file, publish

_LAYOUTS = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".txt": "table"}


def layout_of(output: Path) -> str:
    """Return the format that the ending of a file stands for.

    Raises:
        KnownError: The ending stands for none.
    """
    layout = _LAYOUTS.get(output.suffix.lower())
    if layout is None:
        *some, last = _LAYOUTS
        raise KnownError(
            f"The ending of {output} gives no format: end it in {', '.join(some)} or {last}, or"
            " choose the format with --format.",
            EXIT_USAGE,
        )
    return layout


@contextmanager
def new_output_file(output: Path, data: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a path to write to; give the file its name when it is complete.

    Args:
        output: The file to make.
        data: The data folder, which takes no other files.
        overwrite: Whether to replace the file if it exists.

    Raises:
        KnownError: The file exists, or there is no such folder.
        StoreError: The disk is full or not writable.
    """
    target = checked_target(output, data, overwrite=overwrite)
    with (
        explained("Writing", target),
        tempfile.TemporaryDirectory(
            prefix=f".{target.name}.unfinished-", dir=target.parent
        ) as folder,
    ):
        file = Path(folder) / "result"
        yield file
        fsync_file(file)
        publish(file, target)


def checked_target(output: Path, data: Path, *, overwrite: bool) -> Path:
    """Return where a file would be written, if it can be.

    Args:
        output: The file to make.
        data: The data folder, which takes no other files.
        overwrite: Whether to replace the file if it exists.

    Raises:
        KnownError: The file exists, or there is no such folder.
    """
    target = output.expanduser().absolute()
    if not target.parent.is_dir():
        problem = f"there is no folder {target.parent}: create it, or choose another path"
    elif data in target.resolve().parents:
        problem = f"it is in the data folder {data}: choose another path"
    elif target.is_dir():
        problem = "it is a folder: add the name of a file"
    elif target.exists() and not target.is_file():
        problem = "it is no regular file: choose another path, or leave the option out"
    elif target.exists() and not overwrite:
        problem = "it exists: choose another name, or replace it with --overwrite"
    else:
        return target
    raise KnownError(f"{target} cannot be written because {problem}.", EXIT_USAGE)
