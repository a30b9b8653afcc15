"""The settings for people: name, default and meaning, for the help and the README's table."""

from collections.abc import Iterator
from typing import NamedTuple

from pipelines.named_accounts import ACCOUNTS_FOLDER
from pipelines.settings import Settings
from pipelines.settings_file import ENV_FILE


class Described(NamedTuple):
    """A setting for the help and the README; `default` and `meaning` are Markdown."""

    name: str
    default: str
    meaning: str


def described_settings() -> Iterator[Described]:
    """Yield the settings in the order of their declaration, then where their files are."""
    for field in Settings.model_fields.values():
        extra = field.json_schema_extra
        shown = extra.get("shown") if isinstance(extra, dict) else None
        default = "" if field.default is None else f"`{field.default}`"
        yield Described(
            str(field.alias), default if shown is None else str(shown), str(field.description)
        )
    yield Described(
        ENV_FILE, "`.env`", "another settings file; empty: none. Read from the environment only"
    )
    yield Described(
        ACCOUNTS_FOLDER,
        "`accounts`, here or in a folder above",
        "the folder with the files of [several accounts](docs/running.md#several-accounts), for"
        " `--account`. Read from the environment only",
    )
