"""Dagster's migration scripts, read once per process.

Dagster reads all of its migrations, about ninety scripts, for every database that it opens or
creates: a data folder has four databases, and every run creates one more.

Needed with Dagster 1.13.27 and before. Waits for: a cache in `dagster._core.storage.sql`, for which
no upstream issue is open.
"""

from alembic.config import Config
from alembic.script import ScriptDirectory

_read = ScriptDirectory.from_config
_known: dict[str, ScriptDirectory] = {}


def read_once() -> None:
    """Read the scripts for the first database only, and reuse them for all others."""
    ScriptDirectory.from_config = _scripts  # type: ignore[method-assign]


def _scripts(config: Config) -> ScriptDirectory:
    """Return the scripts at a configuration's location."""
    location = config.get_main_option("script_location") or ""
    if location not in _known:
        _known[location] = _read(config)
    return _known[location]
