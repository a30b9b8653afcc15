"""What the help and the completion of a shell say of commands, without importing them.

Importing all commands takes longer than a second. `help.json` is written from the commands'
declarations by `make help-texts`, and a test compares the two.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import click

FILE = "help.json"


@cache
def help_texts() -> dict[str, Any]:
    """Return sentences and parameters of the commands, and the settings with their meaning."""
    texts: dict[str, Any] = json.loads(files("pipelines.cli").joinpath(FILE).read_text("utf-8"))
    return texts


def light_command(name: str, subcommand: str | None = None) -> click.Command:
    """Return a command that has the name, sentence and parameters of a real one.

    Args:
        name: The command.
        subcommand: A command of the group that `name` is.
    """
    texts = help_texts()["commands"][name]
    if subcommand is not None:
        name, texts = subcommand, texts["commands"][subcommand]
    params = [_parameter(declared) for declared in texts["params"]]
    if "commands" in texts:
        subcommands = {each: light_command(name, each) for each in texts["commands"]}
        return click.Group(name, subcommands, params=params, short_help=texts["sentence"])
    return click.Command(name, params=params, short_help=texts["sentence"])


def _parameter(declared: dict[str, Any]) -> click.Parameter:
    # Imported here, because only completion needs it.
    from pipelines.cli.completion_values import complete_value

    kind: click.ParamType[Any] | None = None
    if "choices" in declared:
        kind = click.Choice(declared["choices"])
    elif "path" in declared:
        kind = click.Path(file_okay=declared["path"] == "file")
    complete = complete_value if kind is None else None
    if "argument" in declared:
        return click.Argument(
            [declared["argument"]],
            type=kind,
            nargs=-1 if declared.get("multiple") else 1,
            required=False,
            shell_complete=complete,
        )
    if declared.get("is_flag"):
        return click.Option(declared["names"], is_flag=True, help=declared.get("help"))
    return click.Option(
        declared["names"],
        type=kind,
        multiple=declared.get("multiple", False),
        help=declared.get("help"),
        shell_complete=complete,
    )
