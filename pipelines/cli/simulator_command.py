"""`givlake simulator`: a simulated GivEnergy API on this machine."""

import click


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulator(options: tuple[str, ...]) -> None:
    """Serve a simulated GivEnergy API on this machine."""
    from simulator.command_line import main

    raise SystemExit(main(list(options)))
