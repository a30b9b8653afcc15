"""The commands that messages recommend, for the account that the message is about.

Without `--account`, a command pasted into a shell would be about another account, or about none.
"""

import re

from pipelines.named_accounts import account_in_force

# Those that have a data folder.
COMMANDS = (
    "alert", "backfill", "build", "check", "code-server", "compact", "dashboard", "decode",
    "doctor", "export", "forget", "import", "metrics", "plan", "publish", "quarantine", "query",
    "read-inverter", "rebuild", "report", "roles", "serve", "status", "sync", "tariffs", "ui",
    "verify",
)  # fmt: skip
# A title, such as `givlake report: 2026`, is no command.
_COMMAND = re.compile(rf"\bgivlake (?=(?:{'|'.join(COMMANDS)})\b(?!:))")


def with_account(text: str, name: str | None = None) -> str:
    """Return a text whose commands are about an account: `givlake --account north sync`.

    Args:
        text: A command, or a text with commands that are recommended.
        name: The account; None for the one that is in force in this process, if one is.
    """
    name = name or account_in_force()
    return text if name is None else _COMMAND.sub(f"givlake --account {name} ", text)
