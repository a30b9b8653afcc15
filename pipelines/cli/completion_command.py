"""`givlake completion`: the script that lets a shell complete commands, options and values."""

import click
from click.shell_completion import get_completion_class

from pipelines.cli.common import EXIT_USAGE, KnownError
from pipelines.cli.completion_values import VARIABLE

_PROGRAM = "givlake"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes givlake's commands in a shell.

    Activate it with one line in the shell's own file:

    \b
      ~/.bashrc                   eval "$(givlake completion bash)"
      ~/.zshrc                    eval "$(givlake completion zsh)"
      ~/.config/fish/config.fish  givlake completion fish | source

    It completes commands, options, datasets, and the devices of the data folder.
    """  # noqa: D301
    kind = get_completion_class(shell)
    if kind is None:
        raise KnownError(f"This version of click cannot complete in {shell}.", EXIT_USAGE)
    context = click.get_current_context().find_root()
    click.echo(kind(context.command, {}, _PROGRAM, VARIABLE).source())
