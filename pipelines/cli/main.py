"""The command group; it imports a command's module when it is called, so that `--help` is fast."""

import importlib
import os
import re
import sys

import click

from pipelines.cli.common import EXIT_INCOMPLETE, EXIT_USAGE, KnownError, known_error
from pipelines.cli.context import begin_call, data_option, settings_in_use
from pipelines.settings import Described, described_settings

_COMMANDS = {
    "demo": "demo_command",
    "doctor": "doctor_command",
    "plan": "plan_command",
    "backfill": "fetch_commands",
    "sync": "fetch_commands",
    "alert": "alert_command",
    "status": "status_command",
    "query": "query_command",
    "quarantine": "quarantine_command",
    "decode": "decode_command",
    "build": "build_command",
    "rebuild": "rebuild_command",
    "verify": "verify_command",
    "export": "export_command",
    "check": "maintenance_commands",
    "compact": "maintenance_commands",
    "forget": "maintenance_commands",
    "ui": "ui_command",
    "simulator": "simulator_command",
}


# Names of commands in earlier versions; they still work, but the help does not list them.
_FORMER_NAMES = {"pack": "compact"}


class _LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        name = _FORMER_NAMES.get(name, name)
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"pipelines.cli.{_COMMANDS[name]}")
        command: click.Command = getattr(module, name)
        # The simulator has no data folder, and the demo one of its own.
        if name != "simulator" and not any(option.name == "data" for option in command.params):
            command.params.append(data_option())
        return command

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the settings below the commands."""
        with formatter.section("Settings, from the environment or a .env file"):
            formatter.write_dl(
                [(setting.name, _plain(setting)) for setting in described_settings()]
            )


def _plain(setting: Described) -> str:
    """Return what a setting means, without Markdown."""
    text = setting.meaning + (f" (default: {setting.default})" if setting.default else "")
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("`", "")


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="givlake")
def givlake() -> None:
    """Own your GivEnergy history: complete, provable, queryable.

    Exit status: 0, all requested data are complete, confirmed empty or not final yet; 1, data are
    failed, partial, forbidden or not requested; 2, wrong usage or settings.
    """


def main() -> None:
    """Run the command line; every error is one message and an exit status without a traceback."""
    begin_call()
    try:
        givlake.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. Run the same command to resume.", err=True)
        sys.exit(130)
    except KnownError as error:
        click.echo(f"givlake: {error}", err=True)
        sys.exit(error.exit_status)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        known = known_error(error) or _reported(error)
        click.echo(f"givlake: {known}", err=True)
        sys.exit(known.exit_status)
    finally:
        _give_files_to_owner()


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
