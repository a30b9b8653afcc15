"""Dagster's migration scripts, read once per process.

For every database that Dagster opens or creates it reads all of its migrations, about ninety
scripts each time: a data folder has four databases, and every run creates one more.

Needed with Dagster 1.13.27 and before. Waits for: a cache in `dagster._core.storage.sql`, for which
no upstream issue is open.
"""

from alembic.config import Config
from alembic.script import ScriptDirectory

_read = ScriptDirectory.from_config
_known: dict[str, ScriptDirectory] = {}


def read_once() -> None:
    """Reuse the scripts read for one database for all others."""
    ScriptDirectory.from_config = _scripts  # type: ignore[method-assign]


def _scripts(config: Config) -> ScriptDirectory:
    """Return the scripts at the location that a configuration names."""
    location = config.get_main_option("script_location") or ""
    if location not in _known:
        _known[location] = _read(config)
    return _known[location]
