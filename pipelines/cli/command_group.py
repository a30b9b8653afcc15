"""The group of commands: it imports a command's module only when the command is called."""

import importlib
import keyword
import platform
from collections.abc import Mapping
from importlib.metadata import version

import click

from pipelines.cli.command_list import (
    FORMER_NAMES,
    GROUPS,
    MODULES,
    SENTENCES,
    SUBCOMMANDS,
    WITHOUT_DATA,
)
from pipelines.cli.context import account_option, data_option
from pipelines.cli.help_texts import help_texts, light_command
from pipelines.suggestions import did_you_mean

_PACKAGES = {"DuckDB": "duckdb", "Dagster": "dagster"}


class LazyGroup(click.Group):
    """A group whose help and completion import no command."""

    def modules(self) -> Mapping[str, str]:
        """Return the commands and their modules, in the order of the help."""
        return MODULES

    def former_names(self) -> Mapping[str, str]:
        """Return names of earlier versions, and what they are now."""
        return FORMER_NAMES

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands in the order of the help."""
        return list(self.modules())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return a command; while a shell completes, one that has only its parameters."""
        name = self.former_names().get(name, name)
        if name not in self.modules():
            return None
        if context.resilient_parsing:
            return self.light_command(name)
        command = self.load_command(name)
        if not {name, self.name} & {*WITHOUT_DATA}:
            # `demo` has a data folder of its own, and `forget` another kind of account.
            declared = {option.name for option in command.params}
            common = (data_option(), account_option())
            command.params += [option for option in common if option.name not in declared]
        return command

    def light_command(self, name: str) -> click.Command:
        """Return a command that has only its parameters."""
        # Imported here, because only completion needs it.
        from pipelines.cli.completion_values import complete_value

        return light_command(name, complete_value)

    def load_command(self, name: str) -> click.Command:
        """Import a command."""
        if name in SUBCOMMANDS:
            return Subgroup(name, help=SENTENCES[name])
        module = importlib.import_module(f"pipelines.cli.{MODULES[name]}")
        function = name.replace("-", "_")
        command: click.Command = getattr(
            module, f"{function}_command" if keyword.iskeyword(function) else function
        )
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called.

        Raises:
            UsageError: There is no such command; the message names similar ones.
        """
        name = args[0]
        if not name.startswith("-") and self.get_command(context, name) is None:
            hint = did_you_mean(name, [*self.modules(), *self.former_names()])
            raise click.UsageError(f"There is no command {name!r}. {hint}".rstrip(), ctx=context)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> object:
        """Run the command that is called.

        Raises:
            Abort: The command was interrupted. Click would print an empty line first, which can
                come before the acknowledgement of the signal.
        """
        try:
            return super().invoke(context)
        except KeyboardInterrupt as interrupt:
            raise click.Abort from interrupt

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by group, each with its whole sentence."""
        texts = help_texts()["commands"]
        width = max(map(len, MODULES))
        for title, modules in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), texts[name]["sentence"]) for name in modules]
                )

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the settings below the commands."""
        with formatter.section("Settings, from the environment or a .env file"):
            formatter.write_dl(list(help_texts()["settings"].items()))


class Subgroup(LazyGroup):
    """A command that is a group of commands itself, such as `givlake tariffs`."""

    def modules(self) -> Mapping[str, str]:
        """Return the commands and their modules, in the order of the help."""
        return SUBCOMMANDS[str(self.name)]

    def former_names(self) -> Mapping[str, str]:
        """Return no names: there are none of earlier versions."""
        return {}

    def light_command(self, name: str) -> click.Command:
        """Return a command that has only its parameters."""
        from pipelines.cli.completion_values import complete_value

        return light_command(str(self.name), complete_value, name)

    def load_command(self, name: str) -> click.Command:
        """Import a command, which is named after its group too, as `list` is a word of Python."""
        module = importlib.import_module(f"pipelines.cli.{self.modules()[name]}")
        command: click.Command = getattr(module, f"{self.name}_{name}_command")
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its whole sentence."""
        texts = help_texts()["commands"][self.name]["commands"]
        with formatter.section("Commands"):
            formatter.write_dl([(name, texts[name]["sentence"]) for name in self.modules()])

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Leave out what `givlake --help` has below its commands."""


def print_versions(context: click.Context, option: click.Parameter, asked: bool) -> None:
    """Print the versions that a report of a fault needs, and end."""
    if not asked or context.resilient_parsing:
        return
    from givenergy.version import API_VERSION

    lines = [f"givlake {version('givlake')}", f"GivEnergy API {API_VERSION}"]
    lines += [f"{name} {version(package)}" for name, package in _PACKAGES.items()]
    click.echo("\n".join([*lines, f"Python {platform.python_version()}"]))
    context.exit()
