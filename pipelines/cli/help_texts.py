"""What the help and the completion of a shell say of commands, without importing them.

Importing all commands takes longer than a second. `help.json` is written from the commands'
declarations by `make help-texts`, and a test compares the two.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import click
from click.shell_completion import CompletionItem

FILE = "help.json"
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]


@cache
def help_texts() -> dict[str, Any]:
    """Return sentences and parameters of commands, settings, and names in the catalogue."""
    texts: dict[str, Any] = json.loads(files("pipelines.cli").joinpath(FILE).read_text("utf-8"))
    return texts


def light_command(name: str, complete: Complete, subcommand: str | None = None) -> click.Command:
    """Return a command that has the name, sentence and parameters of a real one.

    Args:
        name: The command.
        complete: Completes the values of its parameters.
        subcommand: A command of the group that `name` is.
    """
    texts = help_texts()["commands"][name]
    if subcommand is not None:
        name, texts = subcommand, texts["commands"][subcommand]
    params = [_parameter(declared, complete) for declared in texts["params"]]
    if "commands" in texts:
        subcommands = {each: light_command(name, complete, each) for each in texts["commands"]}
        return click.Group(name, subcommands, params=params, short_help=texts["sentence"])
    return click.Command(name, params=params, short_help=texts["sentence"])


def _parameter(declared: dict[str, Any], complete_value: Complete) -> click.Parameter:
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
