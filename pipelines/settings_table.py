"""The README's table of settings: `python -m pipelines.settings_table README.md` updates it."""

import re
import sys
from pathlib import Path

from pipelines.described_settings import described_settings

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    """Return a Markdown table of all settings."""
    rows = [
        f"| `{setting.name}` | {setting.default} | {setting.meaning} |".replace("|  |", "| |")
        for setting in described_settings()
    ]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows, ""])


def with_settings_table(document: str) -> str:
    """Return a document with an updated table between its marks.

    Raises:
        ValueError: The document has no marks.
    """
    if not _TABLE.search(document):
        raise ValueError("the document has no marks <!-- settings --> and <!-- /settings -->")
    return _TABLE.sub(lambda _: settings_table(), document)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_settings_table(file.read_text(encoding="utf-8")), encoding="utf-8")
