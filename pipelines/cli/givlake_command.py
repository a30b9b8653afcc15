"""The command line: its group of commands, and the end of every call."""

import os
import sys

import click
from click.shell_completion import CompletionItem

from pipelines.cli.command_group import LazyGroup, print_versions
from pipelines.cli.common import EXIT_INCOMPLETE, EXIT_USAGE, KnownError, known_error
from pipelines.cli.context import account_in_use, account_option, begin_call, settings_in_use
from pipelines.recommended_commands import with_account
from pipelines.stop_signals import is_stopping


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_versions,
    help="Show the versions of givlake, the API it follows, DuckDB, Dagster and Python.",
)
def givlake() -> None:
    """Own your GivEnergy history: complete, provable, queryable.

    Exit status 0: the command did all that it was asked for, and nothing that it covers is missing.
    Exit status 1: something that it covers failed or is missing, and the output says what. Exit
    status 2: an argument, a setting, a file or a folder cannot be used; the message says why.
    """


def _complete(
    context: click.Context, option: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    # Imported here, because only completion needs it.
    from pipelines.cli.completion_values import complete_value

    return complete_value(context, option, incomplete)


givlake.params.append(account_option(_complete))


def run_command() -> None:
    """Run the command line; every error is one message and an exit status without a traceback.

    Raises:
        KeyboardInterrupt: The command was interrupted.
    """
    begin_call()
    try:
        givlake.main(standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except KnownError as error:
        _refuse_if_stopping(error)
        _say(error)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        _refuse_if_stopping(error)
        known = known_error(error) or _reported(error)
        _say(known)
        sys.exit(known.exit_status)
    finally:
        _give_files_to_owner()


def _say(error: KnownError) -> None:
    click.echo(f"givlake: {with_account(str(error), account_in_use())}", err=True)


def _refuse_if_stopping(error: Exception) -> None:
    """Take an error of a command that has been interrupted as what the interruption caused.

    Raises:
        KeyboardInterrupt: The command has been interrupted.
    """
    if is_stopping():
        raise KeyboardInterrupt from error


def _reported(error: Exception) -> KnownError:
    """Write a report of an unexpected error; return the sentence about it."""
    from pipelines.cli.error_report import redacted, write_report

    settings = settings_in_use()
    path = write_report(error, settings)
    # What DuckDB or Dagster say has several lines.
    lines = str(error).strip().splitlines() or [""]
    what = redacted(f"{type(error).__name__}: {lines[0]}", settings)
    where = f"the details are in {path}" if path else "no report could be written"
    with_it = " with that file" if path else ""
    return KnownError(
        f"An unexpected error ended the command ({what}); {where}. Stored data are not affected:"
        f" run the command again, and report the error{with_it} if it stays.",
        EXIT_INCOMPLETE,
    )


def _give_files_to_owner() -> None:
    """After a command of root, give what it wrote in a user's data folder to that user."""
    if os.geteuid() == 0 and (settings := settings_in_use()) is not None:
        from warehouse.storage.ownership import give_to_owner

        give_to_owner(settings.data)
