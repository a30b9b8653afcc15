"""Write `help.json`: `python -m pipelines.cli.declared_help FILE`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from assets.catalogue_entries import catalogue_entries
from pipelines.cli.givlake_command import givlake
from pipelines.described_settings import described_settings


def declared_texts(group: click.Group) -> dict[str, Any]:
    """Return from the declarations what `help_texts` returns from the file."""
    commands = _commands(group)
    settings = {
        setting.name: _plain(
            setting.meaning + (f" (default: {setting.default})" if setting.default else "")
        )
        for setting in described_settings()
    }
    return {"commands": commands, "settings": settings, "catalogue": list(catalogue_entries())}


def _commands(group: click.Group) -> dict[str, Any]:
    """Return sentences and parameters of a group's commands; of groups among them, theirs too."""
    context = click.Context(group)
    commands: dict[str, Any] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        commands[name] = {
            "sentence": command.get_short_help_str(limit=1_000),
            "params": [
                _declaration(parameter)
                for parameter in command.params
                if not getattr(parameter, "hidden", False)
            ],
        }
        if isinstance(command, click.Group):
            commands[name]["commands"] = _commands(command)
    return commands


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "")


def _declaration(parameter: click.Parameter) -> dict[str, Any]:
    kind = parameter.type
    path = ("file" if kind.file_okay else "folder") if isinstance(kind, click.Path) else None
    choices = list(kind.choices) if isinstance(kind, click.Choice) else None
    declared: dict[str, Any] = {"path": path, "choices": choices}
    if isinstance(parameter, click.Option):
        declared |= {
            "names": [*parameter.opts, *parameter.secondary_opts],
            "is_flag": parameter.is_flag,
            "multiple": parameter.multiple,
            "help": parameter.help or "",
        }
    else:
        declared |= {"argument": parameter.name, "multiple": parameter.nargs != 1}
    return {name: value for name, value in declared.items() if value}


if __name__ == "__main__":
    _text = json.dumps(declared_texts(givlake), indent=1, ensure_ascii=False)
    Path(sys.argv[1]).write_text(f"{_text}\n", encoding="utf-8")
