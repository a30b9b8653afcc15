"""Dagster's migrations, read once in a process.

For every database that Dagster opens or makes it reads all its migrations anew, about ninety
scripts each time: a data folder has four databases, and every run makes one more.
"""

from alembic.config import Config
from alembic.script import ScriptDirectory

_read = ScriptDirectory.from_config
_known: dict[str, ScriptDirectory] = {}


def read_once() -> None:
    """Let the scripts that were read for one database serve for the others."""
    ScriptDirectory.from_config = _scripts  # type: ignore[method-assign]


def _scripts(config: Config) -> ScriptDirectory:
    """Give the scripts that lie where a configuration says."""
    location = config.get_main_option("script_location") or ""
    if location not in _known:
        _known[location] = _read(config)
    return _known[location]
