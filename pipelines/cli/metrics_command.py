"""`givlake metrics`: the state of the data for a monitoring program."""

from pathlib import Path

import click

from pipelines.cli.common import EXIT_USAGE, KnownError, opened_for_reading
from pipelines.cli.context import pass_settings
from pipelines.settings import Settings

# What node_exporter reads in the folder of its textfile collector.
_ENDING = ".prom"


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.prom",
    help="Write to a file, which is replaced as a whole.",
)
@pass_settings
def metrics(settings: Settings, output: Path | None) -> None:
    """Print the state of the data in Prometheus' text format, without a request.

    Days by state, age of the newest data, requests and limit, quarantine and disk space, but no
    device by its name. --output writes it for the textfile collector of Prometheus' node_exporter.
    """
    from pipelines.cli.output_file import checked_target, new_output_file
    from pipelines.health.metrics import Metrics, add_account
    from pipelines.open_folder import stored_account

    if output is not None:
        if output.suffix != _ENDING:
            raise KnownError(
                f"--output {output} would not be read by node_exporter: end it in {_ENDING}.",
                EXIT_USAGE,
            )
        checked_target(output, settings.data, overwrite=True)
    found = Metrics()
    with opened_for_reading(settings, warn_if_empty=False) as lake:
        add_account(found, lake, settings, stored_account(settings) or "")
    if output is None:
        click.echo(found.text(), nl=False)
        return
    with new_output_file(output, settings.data, overwrite=True) as file:
        file.write_bytes(found.text())
